import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { print } from '../../terminal/print.ts';
import { printableJson } from '../../terminal/printable.ts';
import { defaultWatchSeconds, watch, watchSeconds } from '../../terminal/watch.ts';
import type { ZombieReport } from '../processes/findings.ts';
import { reportLines } from '../processes/report.ts';
import { findZombies } from '../processes/zombies.ts';

interface ZombiesOptions {
  readonly json?: boolean;
  readonly all?: boolean;
  /** Seconds between two looks; true without a number. */
  readonly watch?: number | true;
}

/** `bailey zombies`: who has defunct processes, why, and what to do. Exits 0 when there are none, 1 when there are some. */
export function addZombies(program: Command): void {
  program
    .command('zombies')
    .description('find defunct processes, who fails to reap them, and why')
    .helpOption('--help', 'print this')
    .option('--json', 'print the report as one JSON document (with --watch: one a line)')
    .option(
      '--watch [SECONDS]',
      `look again every ${defaultWatchSeconds} or SECONDS seconds, until ^C`,
      watchSeconds,
    )
    .option(
      '--all',
      'list every zombie, and living processes that look defunct because their first thread has ended',
    )
    .addHelpText('after', '\nExit status: 0 none found, 1 some found, 64 wrong usage.')
    .action(async (options: ZombiesOptions) => {
      const source = { uid: process.getuid?.() ?? 0, arch: process.arch, now: Date.now, pause };
      if (options.watch !== undefined) {
        const seenSince = new Map<string, number>();
        return watch(options.watch, options.json === true, async () => {
          const report = await findZombies(source, seenSince);
          return { text: shown(report, options), at: report.at };
        });
      }
      const report = await findZombies(source);
      await print(shown(report, options));
      process.exitCode = report.zombies === 0 ? 0 : 1;
    });
}

function shown(report: ZombieReport, options: ZombiesOptions): string {
  const text =
    options.json === true
      ? printableJson(JSON.stringify(report, null, options.watch === undefined ? 2 : 0))
      : reportLines(report, options.all === true).join('\n');
  return `${text}\n`;
}
