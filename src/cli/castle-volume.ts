import type { Command } from 'commander';
import { defaultSocket } from '../castle/places.ts';
import { parseSize } from '../castle/size.ts';
import { Failure } from '../failure.ts';
import { ask } from './castle-ask.ts';
import { print } from './print.ts';

/** How long growing may take, in milliseconds: all the new room is allocated. */
const growWithinMs = 120_000;

/** `castle volume grow NAME SIZE`: works on one volume. */
export function addVolume(program: Command): void {
  program
    .command('volume')
    .description('work on one volume')
    .command('grow <name> <size>')
    .description('make a volume larger, as in 20G; a container that has it goes on using it')
    .option('--socket <path>', "the castle's unix socket", defaultSocket)
    .action(async (name: string, size: string, { socket }: { readonly socket: string }) => {
      const sizeBytes = parseSize(size);
      if (sizeBytes === undefined) {
        throw new Failure('usage', `${size} is not a size`, 'give a number and K, M, G or T, as in 20G');
      }
      const path = `/v1/volumes/${encodeURIComponent(name)}/size`;
      await ask(socket, 'POST', path, { body: { sizeBytes }, withinMs: growWithinMs });
      await print(`volume ${name} has ${size}\n`);
    });
}
