import { type Command, InvalidArgumentError } from 'commander';
import { defaultSocket } from '../castle/places.ts';
import { parseSize } from '../castle/size.ts';
import { Failure } from '../failure.ts';
import { printable } from '../printable.ts';
import { askCastle } from './castle-ask.ts';
import { addUnlock } from './castle-volume-unlock.ts';
import { print } from './print.ts';

interface At {
  readonly socket: string;
}

interface Wanted extends At {
  readonly owner: Owner;
  readonly size?: string;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** How long making or growing may take, in milliseconds: all the room is allocated. */
const allocateWithinMs = 120_000;

/** `castle volume create|delete|restore|unlock|grow NAME`: what the host's root orders. */
export function addVolume(program: Command): void {
  const volume = program.command('volume').description('create, delete, restore, unlock or grow a volume');
  const order = (name: string, description: string): Command =>
    volume
      .command(`${name} <name>`)
      .description(description)
      .option('--socket <path>', "the castle's unix socket", defaultSocket);

  order('create', 'make a volume before a container asks for it')
    .option('--owner <uid:gid>', 'who may write to it, as in the container', owner, { uid: 1000, gid: 1000 })
    .option('--size <size>', 'how large it is to be, as in 20G, where volumes are images')
    .action(async (name: string, { socket, owner, size }: Wanted) => {
      const { status } = await askCastle(socket, 'POST', '/v1/volumes', {
        body: { name, ...owner, ...(size === undefined ? {} : { sizeBytes: bytes(size) }) },
        withinMs: allocateWithinMs,
      });
      await tell(status === 201 ? `volume ${name} is made` : `volume ${name} was there already`);
    });

  order('delete', 'delete a volume that nobody has; it can be restored for a time').action(
    async (name: string, { socket }: At) => {
      await askCastle(socket, 'DELETE', `/v1/volumes/${encodeURIComponent(name)}`);
      await tell(`volume ${name} is deleted; castle volume restore ${name} brings it back`);
    },
  );

  order('restore', 'bring the last deleted volume of that name back').action(
    async (name: string, { socket }: At) => {
      await askCastle(socket, 'POST', `/v1/volumes/${encodeURIComponent(name)}/restore`);
      await tell(`volume ${name} is back`);
    },
  );

  addUnlock(order('unlock', 'take away the claim that a host has on a volume, when it is gone for good'));

  order('grow', 'make a volume larger, as in 20G; a container that has it goes on using it')
    .argument('<size>')
    .action(async (name: string, size: string, { socket }: At) => {
      const sizeBytes = bytes(size);
      const path = `/v1/volumes/${encodeURIComponent(name)}/size`;
      await askCastle(socket, 'POST', path, { body: { sizeBytes }, withinMs: allocateWithinMs });
      await tell(`volume ${name} has ${size}`);
    });
}

/** @throws Failure usage */
function bytes(size: string): number {
  const sizeBytes = parseSize(size);
  if (sizeBytes !== undefined) return sizeBytes;
  throw new Failure('usage', `${size} is not a size`, 'give a number and K, M, G or T, as in 20G');
}

const tell = (line: string): Promise<void> => print(`${printable(line)}\n`);

/** The largest id that is somebody: -1 means nobody to chown(2). */
const largestId = 2 ** 32 - 2;

function owner(text: string): Owner {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  if (uid !== undefined && gid !== undefined && Number(uid) <= largestId && Number(gid) <= largestId) {
    return { uid: Number(uid), gid: Number(gid) };
  }
  throw new InvalidArgumentError('It must be two numbers, as in 1000:1000.');
}
