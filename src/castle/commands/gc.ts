import type { Command } from 'commander';
import type { GarbageResult } from '../../protocol/contract.ts';
import { print } from '../../terminal/print.ts';
import { printable, printableJson } from '../../terminal/printable.ts';
import { defaultSocket } from '../daemon/default-paths.ts';
import { askCastle } from './ask-castle.ts';

interface GcOptions {
  readonly socket: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** How long it may take, in milliseconds: a large deleted volume has many files. */
const withinMs = 600_000;

/** `castle gc`: removes what belongs to nobody, and says why. */
export function addGc(program: Command): void {
  program
    .command('gc')
    .description('remove what the castle made and nobody needs any more')
    .option('--socket <path>', "the castle's unix socket", defaultSocket)
    .option('--dry-run', 'only say what it is, and change nothing')
    .option('--json', 'print the answer as JSON')
    .action(async ({ socket, dryRun = false, json }: GcOptions) => {
      const { body } = await askCastle(socket, 'POST', '/v1/gc', { body: { dryRun }, withinMs });
      const strays = body as readonly GarbageResult[];
      const lines =
        json === true
          ? [printableJson(JSON.stringify(strays, undefined, 2))]
          : strays.length === 0
            ? ['nothing belongs to nobody']
            : strays.flatMap(toLines).map(printable);
      await print(lines.map((line) => `${line}\n`).join(''));
    });
}

function toLines({ kind, name, reason, outcome, remedy }: GarbageResult): readonly string[] {
  const line = `${outcome.padEnd(7)}  ${kind} ${name}: ${reason}`;
  return remedy === undefined ? [line] : [line, `         ${remedy}`];
}
