import { type Command, Option } from 'commander';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { askCastle, changeWithinMs as withinMs } from './ask-castle.ts';
import { type Owner, readOwner } from './parse-owner.ts';
import { readSize } from './parse-size.ts';
import { socketOption } from './socket-option.ts';
import { addUnlock } from './volume-unlock.ts';

interface ChangeOptions {
  readonly socket: string;
}

interface CreateOptions extends ChangeOptions {
  readonly owner: Owner;
  readonly size?: string;
  readonly shared?: true;
  readonly snapshot?: string;
}

/** `castle volume create|delete|restore|unlock|grow NAME`; for root of the host. */
export function addVolume(program: Command): void {
  const volume = program.command('volume').description('create, delete, restore, unlock or grow a volume');
  const change = (name: string, description: string): Command =>
    volume.command(`${name} <name>`).description(description).addOption(socketOption());

  change('create', 'create a volume before a container requests it')
    .addOption(
      new Option('--owner <uid:gid>', 'the owner of the volume, by the ids that the container uses')
        .argParser(readOwner)
        .default({ uid: 1000, gid: 1000 }, '1000:1000'),
    )
    .option('--size <size>', 'the size, as in 20G, where volumes have a size')
    .option(
      '--shared',
      'several containers may write to it at the same time: those with the label castle.shared=true',
    )
    .option('--snapshot <id>', 'create it from this snapshot, with its owner and size; or from latest:VOLUME')
    .action(async (name: string, { socket, owner, size, shared, snapshot }: CreateOptions) => {
      const { status } = await askCastle(socket, 'POST', '/v1/volumes', {
        body: {
          name,
          ...owner,
          ...(size === undefined ? {} : { sizeBytes: readSize(size) }),
          ...(shared === undefined ? {} : { shared }),
          ...(snapshot === undefined ? {} : { snapshot }),
        },
        withinMs,
      });
      await printLine(status === 201 ? `volume ${name} is created` : `volume ${name} exists already`);
    });

  change(
    'delete',
    'delete a volume that is not in use; it can be restored until --keep-deleted has passed',
  ).action(async (name: string, { socket }: ChangeOptions) => {
    const path = `/v1/volumes/${encodeURIComponent(name)}`;
    await askCastle(socket, 'DELETE', path, { withinMs });
    await printLine(`volume ${name} is deleted; castle volume restore ${name} restores it`);
  });

  change('restore', 'restore the most recently deleted volume of that name').action(
    async (name: string, { socket }: ChangeOptions) => {
      const path = `/v1/volumes/${encodeURIComponent(name)}/restore`;
      await askCastle(socket, 'POST', path, { withinMs });
      await printLine(`volume ${name} is restored`);
    },
  );

  addUnlock(change('unlock', 'discard the claim that a dead host has on a volume'));

  change('grow', 'make a volume larger, as in 20G, also while a container uses it')
    .argument('<size>')
    .action(async (name: string, size: string, { socket }: ChangeOptions) => {
      const sizeBytes = readSize(size);
      const path = `/v1/volumes/${encodeURIComponent(name)}/size`;
      await askCastle(socket, 'POST', path, { body: { sizeBytes }, withinMs });
      await printLine(`the size of volume ${name} is ${size}`);
    });
}

const printLine = (line: string): Promise<void> => print(`${printable(line)}\n`);
