import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { growRefusal, imageRefusal, type MountFault, mountRefusal, nfsRefusal } from './mount-refusals.ts';
import { Refused } from './refused.ts';

/** How long castle-mount may take, in milliseconds; a path of the container may lead to a file system that hangs. */
const limitMs = 10_000;

/** How long it may take with a file system, whose journal may have to be replayed, in milliseconds. */
const imageLimitMs = 60_000;

/** How long a killed castle-mount may take to end, in milliseconds. */
const endsWithinMs = 1_000;

/** castle-mount hangs in the container and cannot be ended (state D): what it was to do may happen yet. */
export class Hangs extends Error {
  override readonly name = 'Hangs';

  /** @param gone resolves when it has ended after all: nothing more happens then */
  constructor(readonly gone: Promise<void>) {
    super('castle-mount hangs in the container');
  }
}

/** The way into a container: descriptors stay right whatever becomes of the process that they were opened by. */
export interface Entrance {
  /** Its mount namespace. */
  readonly namespace: number;
  /** The folder where the paths of its first process begin. */
  readonly root: number;
  close(): void;
}

/** How a volume is mounted in a container. */
export interface MountOptions {
  /** Whether it can only be read there. */
  readonly readonly: boolean;
}

/** An image with a file system of its own. */
export interface ImageToMount {
  /** Open for reading and writing. */
  readonly fd: number;
  readonly path: string;
  readonly fileSystem: {
    readonly type: string;
    /** What the file system has to have; looked at once more on the device that is mounted. */
    readonly uuid: string;
  };
}

/** A folder of an NFS server. */
export interface NfsFolderToMount {
  /** `HOST:/PATH`. */
  readonly source: string;
  /** As in nfs(5), with commas between them, and with `addr=`: the kernel looks up no names. */
  readonly options: string;
}

/** Puts folders and file systems into containers' mount namespaces. */
export interface Mounter {
  /**
   * Mounts a folder in a container.
   * @param source absolute host path without symlinks
   * @param target absolute path in the container
   * @returns the id of the mount, as in the container's mountinfo
   * @throws Refused bad_target or backend_failed; Hangs
   */
  mount(into: Entrance, source: string, target: string, options: MountOptions): Promise<number>;
  /**
   * Mounts the file system of an image in a container, by a loop device that vanishes with the mount.
   * @param target absolute path in the container; when that is wrong, the file system has not been touched
   * @returns the id of the mount, as in the container's mountinfo
   * @throws Refused bad_target or backend_failed; Hangs
   */
  mountImage(into: Entrance, image: ImageToMount, target: string, options: MountOptions): Promise<number>;
  /**
   * Mounts a folder of an NFS server in a container. A server that does not answer makes it fail within a bound.
   * @param target absolute path in the container; when that is wrong, the server has not been asked
   * @returns the id of the mount, as in the container's mountinfo
   * @throws Refused bad_target or backend_failed; Hangs
   */
  mountNfs(into: Entrance, folder: NfsFolderToMount, target: string, options: MountOptions): Promise<number>;
  /**
   * Lets a mounted file system become as large as its image has become.
   * @param device path of its loop device
   * @param target where it is mounted in the container
   * @throws Refused busy when something else is mounted there; backend_failed; Hangs
   */
  growImage(into: Entrance, image: ImageToMount, device: string, target: string): Promise<void>;
  /**
   * Takes a mount away.
   * @throws Refused busy when something in the container uses it; not_found when the mount point doesn't lead to it;
   *   Hangs
   */
  unmount(from: Entrance, target: string, mountId: number): Promise<void>;
}

/** @param program path of castle-mount */
export function mounterWith(program: string): Mounter {
  return {
    async mount(into, source, target, { readonly }) {
      const args = ['mount', readonly ? 'ro' : 'rw', source, target];
      const said = await run(program, args, entranceOf(into), limitMs);
      if (said.ok) return said.id;
      throw mountRefusal(said, source, target);
    },
    async mountImage(into, { fd, path, fileSystem: { type, uuid } }, target, { readonly }) {
      const args = ['mount-image', readonly ? 'ro' : 'rw', type, uuid, target];
      const said = await run(program, args, [...entranceOf(into), fd], imageLimitMs);
      if (said.ok) return said.id;
      throw imageRefusal(said, path, target);
    },
    async mountNfs(into, { source, options }, target, { readonly }) {
      const args = ['mount-nfs', readonly ? 'ro' : 'rw', source, options, target];
      const said = await run(program, args, entranceOf(into), limitMs);
      if (said.ok) return said.id;
      throw nfsRefusal(said, source, target);
    },
    async growImage(into, { fd, path, fileSystem: { type } }, device, target) {
      const args = ['grow', type, device, target];
      const said = await run(program, args, [...entranceOf(into), fd], imageLimitMs);
      if (!said.ok) throw growRefusal(said, path, target);
    },
    async unmount(from, target, mountId) {
      const said = await run(program, ['unmount', target, String(mountId)], entranceOf(from), limitMs);
      if (said.ok) return;
      if (said.step === 'mount' || said.step === 'target') {
        throw new Refused('not_found', `${target} is not that mount any more`, 'nothing is to be done');
      }
      if (said.error === 'EBUSY') {
        throw new Refused('busy', `${target} is in use in the container`, 'end what uses it, then try again');
      }
      throw new Refused(
        'backend_failed',
        `${target} cannot be unmounted: ${said.step}: ${said.error}`,
        'see the castle',
      );
    },
  };
}

type Said = { readonly ok: true; readonly id: number } | ({ readonly ok: false } & MountFault);

const entranceOf = ({ namespace, root }: Entrance): readonly number[] => [namespace, root];

/** Runs castle-mount once; its protocol is in native/mount/main.c. */
function run(
  program: string,
  args: readonly string[],
  descriptors: readonly number[],
  withinMs: number,
): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore', ...descriptors], env: {} });
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    let timer = setTimeout(() => {
      child.kill('SIGKILL');
      // Where the container's file system doesn't answer, not even that ends it: it is left to itself.
      timer = setTimeout(() => {
        child.stdout?.destroy();
        child.unref();
        reject(new Hangs(gone));
      }, endsWithinMs);
    }, withinMs);
    let text = '';
    child.stdout?.on('data', (part: Buffer) => {
      text += part.toString('latin1');
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ ok: false, step: `${program} cannot be run`, error: error.code ?? error.message });
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve(
        status === null ? { ok: false, step: 'castle-mount', error: signal ?? 'ended' } : read(status, text),
      );
    });
  });
}

function read(status: number, text: string): Said {
  const words = text.trim().split(' ');
  if (status === 0) return { ok: true, id: Number(words[0]) };
  return { ok: false, step: words[0] ?? '', error: errnoName(Number(words[1])) };
}

/** The name of an error's number, as in errno(3). */
export function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
