import type { Command } from 'commander';
import type { Snapshot, SnapshotCopy } from '../../protocol/contract.ts';
import { inColumns } from '../../terminal/columns.ts';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { defaultSocket } from '../daemon/default-paths.ts';
import { askCastle, orderWithinMs as withinMs } from './ask-castle.ts';
import { readSize } from './parse-size.ts';

interface At {
  readonly socket: string;
}

/** `castle snapshot create|delete|copy|fetch|restore|prune`: what the host's root orders. */
export function addSnapshot(program: Command): void {
  const snapshot = program.command('snapshot').description('take, delete, copy or restore a snapshot');
  const order = (usage: string, description: string): Command =>
    snapshot
      .command(usage)
      .description(description)
      .option('--socket <path>', "the castle's unix socket", defaultSocket);

  order('create <volume>', 'keep what a volume has now, while it is in use or not')
    .option('--note <text>', 'what people are to know of it')
    .action(async (volume: string, { socket, note }: At & { readonly note?: string }) => {
      const { body } = await askCastle(socket, 'POST', '/v1/snapshots', {
        body: { volume, ...(note === undefined ? {} : { note }) },
        withinMs,
      });
      const { id, state } = body as Snapshot;
      const become = state === 'kept' ? 'is taken' : 'is being taken; castle snapshots says when it is whole';
      await tell(`snapshot ${id} of volume ${volume} ${become}`);
    });

  order('delete <id>', 'remove a snapshot for good')
    .option('--off-host', 'its copy off this host instead')
    .action(async (id: string, { socket, offHost }: At & { readonly offHost?: boolean }) => {
      const kind = offHost === true ? 'copies' : 'snapshots';
      await askCastle(socket, 'DELETE', `/v1/${kind}/${encodeURIComponent(id)}`, { withinMs });
      await tell(`${offHost === true ? 'the copy of snapshot' : 'snapshot'} ${id} is removed`);
    });

  order('copy <id>', 'copy a snapshot off this host, now').action(async (id: string, { socket }: At) => {
    const { body } = await askCastle(socket, 'POST', `/v1/snapshots/${encodeURIComponent(id)}/copy`, {
      withinMs,
    });
    await tell(`snapshot ${id} is in ${(body as SnapshotCopy).key}`);
  });

  order('fetch <id>', 'bring a snapshot back from off this host').action(
    async (id: string, { socket }: At) => {
      await askCastle(socket, 'POST', `/v1/copies/${encodeURIComponent(id)}/fetch`, {
        withinMs,
      });
      await tell(`snapshot ${id} is here; castle snapshot restore ${id} NAME makes a volume of it`);
    },
  );

  order('restore <id> <name>', 'make a new volume from a snapshot; no volume is ever replaced')
    .option('--size <size>', 'larger than it was, as in 20G, where volumes are images')
    .action(async (id: string, name: string, { socket, size }: At & { readonly size?: string }) => {
      await askCastle(socket, 'POST', `/v1/snapshots/${encodeURIComponent(id)}/restore`, {
        body: { name, ...(size === undefined ? {} : { sizeBytes: readSize(size) }) },
        withinMs,
      });
      await tell(`volume ${name} is made from snapshot ${id}`);
    });

  order('prune', 'remove the snapshots by schedule that --snapshot-keep does not keep, now')
    .option('--dry-run', 'only say which these are')
    .action(async ({ socket, dryRun = false }: At & { readonly dryRun?: boolean }) => {
      const { body } = await askCastle(socket, 'POST', '/v1/snapshots/prune', { body: { dryRun }, withinMs });
      const gone = body as readonly Snapshot[];
      if (gone.length === 0) return tell('no snapshots');
      const rows = gone.map(({ volume, taken, id }) => [volume, taken, id]);
      for (const line of inColumns([['VOLUME', 'TAKEN', 'SNAPSHOT'], ...rows])) await tell(line);
    });
}

const tell = (line: string): Promise<void> => print(`${printable(line)}\n`);
