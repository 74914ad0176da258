import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Refused } from './refused.ts';

/** How long castle-mount may take, in milliseconds; a path of the container may lead to a file system that hangs. */
const limitMs = 10_000;

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

/** Puts folders into containers' mount namespaces. */
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
      const said = await run(program, ['mount', readonly ? 'ro' : 'rw', source, target], into);
      if (said.ok) return said.id;
      throw mountRefusal(said, source, target);
    },
    async unmount(from, target, mountId) {
      const said = await run(program, ['unmount', target, String(mountId)], from);
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

type Said = { readonly ok: true; readonly id: number } | Failed;
interface Failed {
  readonly ok: false;
  readonly step: string;
  readonly error: string;
}

function mountRefusal({ step, error }: Failed, source: string, target: string): Refused {
  if (step === 'target') {
    const why = targetFaults[error] ?? `cannot be opened (${error})`;
    return new Refused(
      'bad_target',
      `mount point ${target} ${why}`,
      'it has to be an existing folder of the container, reached without symlinks',
    );
  }
  if (step === 'enter' && error !== 'EPERM') {
    return new Refused(
      'backend_failed',
      `the container cannot be entered (${error})`,
      'it may just have ended',
    );
  }
  const remedy =
    error === 'EPERM'
      ? 'the castle needs CAP_SYS_ADMIN and CAP_SYS_CHROOT over the container: run it as root on the host'
      : error === 'ENOSYS'
        ? 'the castle needs Linux 5.12'
        : 'see the log of the castle';
  return new Refused('backend_failed', `${source} cannot be mounted on ${target}: ${step}: ${error}`, remedy);
}

const targetFaults: Record<string, string> = {
  ELOOP: 'is a symlink or leads through one',
  ENOTDIR: 'is not a folder',
  ENOENT: 'does not exist in the container',
  EACCES: 'cannot be reached in the container',
};

/** Runs castle-mount once; its protocol is in native/mount/main.c. */
function run(program: string, args: readonly string[], { namespace, root }: Entrance): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore', namespace, root], env: {} });
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
    }, limitMs);
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

function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
