import { type Command, Option } from 'commander';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { defaultSocket } from '../daemon/default-paths.ts';
import { askCastle, orderWithinMs as withinMs } from './ask-castle.ts';
import { type Owner, readOwner } from './parse-owner.ts';
import { readSize } from './parse-size.ts';
import { addUnlock } from './volume-unlock.ts';

interface At {
  readonly socket: string;
}

interface Wanted extends At {
  readonly owner: Owner;
  readonly size?: string;
  readonly shared?: true;
  readonly snapshot?: string;
}

/** `castle volume create|delete|restore|unlock|grow NAME`: what the host's root orders. */
export function addVolume(program: Command): void {
  const volume = program.command('volume').description('create, delete, restore, unlock or grow a volume');
  const order = (name: string, description: string): Command =>
    volume
      .command(`${name} <name>`)
      .description(description)
      .option('--socket <path>', "the castle's unix socket", defaultSocket);

  order('create', 'make a volume before a container asks for it')
    .addOption(
      new Option('--owner <uid:gid>', 'who may write to it, as in the container')
        .argParser(readOwner)
        .default({ uid: 1000, gid: 1000 }, '1000:1000'),
    )
    .option('--size <size>', 'how large it is to be, as in 20G, where volumes are images')
    .option('--shared', 'let several containers write to it at once, those with the label castle.shared=true')
    .option('--snapshot <id>', 'what it begins with, its owner and size too; or latest:VOLUME')
    .action(async (name: string, { socket, owner, size, shared, snapshot }: Wanted) => {
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
      await tell(status === 201 ? `volume ${name} is made` : `volume ${name} was there already`);
    });

  order('delete', 'delete a volume that nobody has; it can be restored for a time').action(
    async (name: string, { socket }: At) => {
      const path = `/v1/volumes/${encodeURIComponent(name)}`;
      await askCastle(socket, 'DELETE', path, { withinMs });
      await tell(`volume ${name} is deleted; castle volume restore ${name} brings it back`);
    },
  );

  order('restore', 'bring the last deleted volume of that name back').action(
    async (name: string, { socket }: At) => {
      const path = `/v1/volumes/${encodeURIComponent(name)}/restore`;
      await askCastle(socket, 'POST', path, { withinMs });
      await tell(`volume ${name} is back`);
    },
  );

  addUnlock(order('unlock', 'take away the claim that a host has on a volume, when it is gone for good'));

  order('grow', 'make a volume larger, as in 20G; a container that has it goes on using it')
    .argument('<size>')
    .action(async (name: string, size: string, { socket }: At) => {
      const sizeBytes = readSize(size);
      const path = `/v1/volumes/${encodeURIComponent(name)}/size`;
      await askCastle(socket, 'POST', path, { body: { sizeBytes }, withinMs });
      await tell(`volume ${name} has ${size}`);
    });
}

const tell = (line: string): Promise<void> => print(`${printable(line)}\n`);
