import type { Command } from 'commander';
import { print } from '../../terminal/print.ts';
import { printable, printableJson } from '../../terminal/printable.ts';
import type { Finding } from '../doctor/finding.ts';
import { addCastleOptions, type CastleOptions, settingsOf } from './serve-options.ts';

/** `castle doctor`: whether a castle with the same options could do its work here. Exits 1 when something is missing. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('look at what a castle with these options needs, and say what is missing and what to do');
  addCastleOptions(command)
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 nothing is missing, 1 something is, 64 wrong usage, 78 a setting is wrong.',
    )
    .action(async ({ json, ...options }: CastleOptions & { readonly json?: boolean }) => {
      const settings = await settingsOf(command, options);
      const { examine } = await import('../doctor/doctor.ts');
      const findings = await examine(settings);
      await print(
        json === true
          ? `${printableJson(JSON.stringify(findings, undefined, 2))}\n`
          : findings.map((finding) => `${toLines(finding).map(printable).join('\n')}\n`).join(''),
      );
      process.exitCode = findings.some(({ state }) => state === 'missing') ? 1 : 0;
    });
}

function toLines({ state, what, found, remedy }: Finding): readonly string[] {
  const line = `${state.padEnd(7)}  ${what}: ${found}`;
  return remedy === undefined ? [line] : [line, `         ${remedy}`];
}
