import type { Command } from 'commander';
import type { GarbageResult } from '../../protocol/contract.ts';
import { print } from '../../terminal/print.ts';
import { printableJson } from '../../terminal/printable.ts';
import { askCastle } from './ask-castle.ts';
import { resultLines } from './result-lines.ts';
import { socketOption } from './socket-option.ts';

interface GcOptions {
  readonly socket: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The time limit of a garbage collection, in milliseconds: a large deleted volume has many files. */
const withinMs = 600_000;

/** `castle gc`: removes objects that the castle created and that are no longer in use, and prints why. */
export function addGc(program: Command): void {
  program
    .command('gc')
    .description('remove unused mounts, devices and files that the castle created')
    .addOption(socketOption())
    .option('--dry-run', 'only report what would be removed')
    .option('--json', 'print the response as JSON')
    .action(async ({ socket, dryRun = false, json }: GcOptions) => {
      const { body } = await askCastle(socket, 'POST', '/v1/gc', { body: { dryRun }, withinMs });
      const results = body as readonly GarbageResult[];
      const lines =
        json === true
          ? [printableJson(JSON.stringify(results, undefined, 2))]
          : results.length === 0
            ? ['nothing to clean up']
            : results.flatMap(({ outcome, kind, name, reason, remedy }) =>
                resultLines(outcome, `${kind} ${name}: ${reason}`, remedy),
              );
      await print(lines.map((line) => `${line}\n`).join(''));
    });
}
