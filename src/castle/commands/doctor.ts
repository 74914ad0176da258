import type { Command } from 'commander';
import { print } from '../../terminal/print.ts';
import { printableJson } from '../../terminal/printable.ts';
import { resultLines } from './result-lines.ts';
import { addCastleOptions, settingsOf } from './serve-options.ts';

/** `castle doctor`: checks whether a castle with the same options would work on this host. Exits 1 when something is missing. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'check whether a castle with these options would work on this host; report missing requirements and their remedies',
    );
  addCastleOptions(command)
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 nothing is missing, 1 something is missing, 64 wrong usage, 78 a setting is wrong.',
    )
    .action(async ({ json }: { readonly json?: boolean }) => {
      const settings = await settingsOf(command);
      const { examine } = await import('../doctor/doctor.ts');
      const findings = await examine(settings);
      const lines =
        json === true
          ? [printableJson(JSON.stringify(findings, undefined, 2))]
          : findings.flatMap(({ state, what, found, remedy }) =>
              resultLines(state, `${what}: ${found}`, remedy),
            );
      await print(lines.map((line) => `${line}\n`).join(''));
      process.exitCode = findings.some(({ state }) => state === 'missing') ? 1 : 0;
    });
}
