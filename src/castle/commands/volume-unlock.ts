import type { Command } from 'commander';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { askCastle } from './ask-castle.ts';

interface UnlockOptions {
  readonly socket: string;
  readonly force?: boolean;
}

/** `castle volume unlock NAME --force`. */
export function addUnlock(command: Command): void {
  command
    .option(
      '--force',
      'confirm that the host no longer exists: otherwise, two hosts could write to the volume',
    )
    .action(async (name: string, { socket, force }: UnlockOptions) => {
      if (force !== true) {
        throw new Failure(
          'usage',
          'the claim prevents two hosts from writing to one volume',
          'if the host with the claim no longer exists, add --force',
        );
      }
      const { body } = await askCastle(socket, 'POST', `/v1/volumes/${encodeURIComponent(name)}/unlock`);
      const host =
        typeof body === 'object' && body !== null && 'host' in body ? String(body.host) : undefined;
      const line =
        host === undefined
          ? `no host has a claim on volume ${name}`
          : `the claim of host ${host} on volume ${name} is discarded`;
      await print(`${printable(line)}\n`);
    });
}
