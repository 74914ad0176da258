import type { Command } from 'commander';
import type { Snapshot, SnapshotCopy } from '../../protocol/contract.ts';
import { inColumns } from '../../terminal/columns.ts';
import { formatAge } from '../../terminal/duration.ts';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { askCastle, changeWithinMs as withinMs } from './ask-castle.ts';
import { readSize } from './parse-size.ts';
import { socketOption } from './socket-option.ts';

interface ChangeOptions {
  readonly socket: string;
}

/** `castle snapshot create|delete|copy|fetch|restore|prune`; for root of the host. */
export function addSnapshot(program: Command): void {
  const snapshot = program.command('snapshot').description('take, delete, copy or restore a snapshot');
  const change = (usage: string, description: string): Command =>
    snapshot.command(usage).description(description).addOption(socketOption());

  change('create <volume>', 'take a snapshot of a volume, in use or not')
    .option('--note <text>', 'a note, which castle snapshots shows')
    .action(async (volume: string, { socket, note }: ChangeOptions & { readonly note?: string }) => {
      const { body } = await askCastle(socket, 'POST', '/v1/snapshots', {
        body: { volume, ...(note === undefined ? {} : { note }) },
        withinMs,
      });
      const { id, state } = body as Snapshot;
      const become =
        state === 'ready' ? 'is taken' : 'is being taken; castle snapshots shows when it is ready';
      await printLine(`snapshot ${id} of volume ${volume} ${become}`);
    });

  change('delete <id>', 'delete a snapshot permanently')
    .option('--off-host', 'delete its copy off this host instead')
    .action(async (id: string, { socket, offHost }: ChangeOptions & { readonly offHost?: boolean }) => {
      const kind = offHost === true ? 'copies' : 'snapshots';
      await askCastle(socket, 'DELETE', `/v1/${kind}/${encodeURIComponent(id)}`, { withinMs });
      await printLine(`${offHost === true ? 'the copy of snapshot' : 'snapshot'} ${id} is deleted`);
    });

  change('copy <id>', 'copy a snapshot off this host now').action(
    async (id: string, { socket }: ChangeOptions) => {
      const { body } = await askCastle(socket, 'POST', `/v1/snapshots/${encodeURIComponent(id)}/copy`, {
        withinMs,
      });
      await printLine(`snapshot ${id} is copied to ${(body as SnapshotCopy).key}`);
    },
  );

  change('fetch <id>', 'fetch the copy of a snapshot back to this host').action(
    async (id: string, { socket }: ChangeOptions) => {
      await askCastle(socket, 'POST', `/v1/copies/${encodeURIComponent(id)}/fetch`, {
        withinMs,
      });
      await printLine(
        `snapshot ${id} is on this host; castle snapshot restore ${id} NAME creates a volume from it`,
      );
    },
  );

  change('restore <id> <name>', 'create a new volume from a snapshot; an existing volume is never replaced')
    .option('--size <size>', 'a larger size, as in 20G, where volumes have a size')
    .action(
      async (id: string, name: string, { socket, size }: ChangeOptions & { readonly size?: string }) => {
        await askCastle(socket, 'POST', `/v1/snapshots/${encodeURIComponent(id)}/restore`, {
          body: { name, ...(size === undefined ? {} : { sizeBytes: readSize(size) }) },
          withinMs,
        });
        await printLine(`volume ${name} is created from snapshot ${id}`);
      },
    );

  change('prune', 'delete the scheduled snapshots that --snapshot-keep does not keep')
    .option('--dry-run', 'only list them')
    .action(async ({ socket, dryRun = false }: ChangeOptions & { readonly dryRun?: boolean }) => {
      const { body } = await askCastle(socket, 'POST', '/v1/snapshots/prune', { body: { dryRun }, withinMs });
      const pruned = body as readonly Snapshot[];
      if (pruned.length === 0) return printLine('no snapshots');
      const nowMs = Date.now();
      const rows = pruned.map(({ volume, taken, id }) => [volume, formatAge(taken, nowMs), id]);
      for (const line of inColumns([['VOLUME', 'AGE', 'SNAPSHOT'], ...rows])) await printLine(line);
    });
}

const printLine = (line: string): Promise<void> => print(`${printable(line)}\n`);
