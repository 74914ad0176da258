import type { Command } from 'commander';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { askCastle } from './ask-castle.ts';

interface Unlock {
  readonly socket: string;
  readonly force?: boolean;
}

/** `castle volume unlock NAME --force`. */
export function addUnlock(command: Command): void {
  command
    .option('--force', 'needed: a host that lives would write into the volume together with the next one')
    .action(async (name: string, { socket, force }: Unlock) => {
      if (force !== true) {
        throw new Failure(
          'usage',
          'a claim keeps two hosts from writing into one volume',
          'when the host that has it is switched off for good, add --force',
        );
      }
      const { body } = await askCastle(socket, 'POST', `/v1/volumes/${encodeURIComponent(name)}/unlock`);
      const host =
        typeof body === 'object' && body !== null && 'host' in body ? String(body.host) : undefined;
      const line =
        host === undefined ? `nobody has a claim on ${name}` : `the claim of host ${host} on ${name} is gone`;
      await print(`${printable(line)}\n`);
    });
}
