import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { print } from '../../terminal/print.ts';
import { printableJson } from '../../terminal/printable.ts';
import { settingOption } from '../../terminal/setting-option.ts';
import { watch, watchSeconds } from '../../terminal/watch.ts';
import { findZombies } from '../processes/find-zombies.ts';
import { formatZombieReport } from '../processes/format-zombie-report.ts';
import { zombiesSettings } from '../processes/settings.ts';
import type { ZombieReport } from '../processes/zombie-report.ts';

interface ZombiesOptions {
  readonly json?: boolean;
  readonly all?: boolean;
  /** Seconds between two reports; true when given without a number. */
  readonly watch?: number | true;
}

/** `bailey zombies`: lists zombie processes, the reason why each stays, and the fix. Exits 0 without zombies, else 1. */
export function addZombiesCommand(program: Command): void {
  program
    .command('zombies')
    .description('list zombie processes, which parent fails to reap them, why, and how to fix it')
    .helpOption('-h, --help', 'print this help')
    .addOption(settingOption(zombiesSettings, '--json'))
    .addOption(settingOption(zombiesSettings, '--watch').argParser(watchSeconds))
    .addOption(settingOption(zombiesSettings, '--all'))
    .addHelpText('after', '\nExit status: 0 no zombies, 1 zombies found, 64 wrong usage.')
    .action(async (options: ZombiesOptions) => {
      const source = { uid: process.getuid?.() ?? 0, arch: process.arch, now: Date.now, pause };
      if (options.watch !== undefined) {
        const seenSince = new Map<string, number>();
        return watch(options.watch, options.json === true, process.env, async () => {
          const report = await findZombies(source, seenSince);
          return { text: formatReport(report, options), at: report.at };
        });
      }
      const report = await findZombies(source);
      await print(formatReport(report, options));
      process.exitCode = report.zombies === 0 ? 0 : 1;
    });
}

function formatReport(report: ZombieReport, options: ZombiesOptions): string {
  const text =
    options.json === true
      ? printableJson(JSON.stringify(report, null, options.watch === undefined ? 2 : 0))
      : formatZombieReport(report, options.all === true).join('\n');
  return `${text}\n`;
}
