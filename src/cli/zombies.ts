import { setTimeout as pause } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { printableJson } from '../printable.ts';
import type { ZombieReport } from '../process/findings.ts';
import { reportLines } from '../process/report.ts';
import { findZombies, type ZombieSource } from '../process/zombies.ts';
import { print } from './print.ts';

interface ZombiesOptions {
  readonly json?: boolean;
  readonly all?: boolean;
  /** Seconds between two looks; true without a number. */
  readonly watch?: number | true;
}

const defaultWatchSeconds = 2;

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
      seconds,
    )
    .option(
      '--all',
      'list every zombie, and living processes that look defunct because their first thread has ended',
    )
    .addHelpText('after', '\nExit status: 0 none found, 1 some found, 64 wrong usage.')
    .action(async (options: ZombiesOptions) => {
      const source = { uid: process.getuid?.() ?? 0, arch: process.arch, now: Date.now, pause };
      if (options.watch !== undefined) return watch(source, options);
      const report = await findZombies(source);
      await print(shown(report, options));
      process.exitCode = report.zombies === 0 ? 0 : 1;
    });
}

/** Never returns: a signal ends it. */
async function watch(source: ZombieSource, options: ZombiesOptions): Promise<never> {
  const seconds = options.watch === true ? defaultWatchSeconds : (options.watch ?? defaultWatchSeconds);
  const seenSince = new Map<string, number>();
  for (;;) {
    const report = await findZombies(source, seenSince);
    // In place on a terminal; elsewhere one report below the other, each with its time.
    const before =
      options.json === true ? '' : process.stdout.isTTY ? '\x1b[H\x1b[2J\x1b[3J' : `${report.at}\n`;
    await print(before + shown(report, options));
    await pause(seconds * 1000);
  }
}

function shown(report: ZombieReport, options: ZombiesOptions): string {
  const text =
    options.json === true
      ? printableJson(JSON.stringify(report, null, options.watch === undefined ? 2 : 0))
      : reportLines(report, options.all === true).join('\n');
  return `${text}\n`;
}

function seconds(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && number >= 0.1 && number <= 86_400) return number;
  throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 86400.');
}
