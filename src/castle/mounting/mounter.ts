import { constants } from 'node:os';
import type { Extent } from '../../linux/id-ranges.ts';
import { type RunningProgram, readLines, runProgram, startProgram } from '../../linux/run-program.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { growRefusal, imageRefusal, type MountFault, mountRefusal, nfsRefusal } from './mount-refusals.ts';
import type { Owner } from './owner.ts';

/** How long castle-mount may take, in milliseconds: a path in the container may lead to a file system that hangs. */
const limitMs = 10_000;

/** How long it may take with a file system, whose journal may have to be replayed, in milliseconds. */
const imageLimitMs = 60_000;

/** castle-mount hangs in the container and cannot be killed (state D, uninterruptible sleep): it may still finish. */
export class MountHungError extends Error {
  override readonly name = 'MountHungError';

  /** @param ended resolves when it has ended after all: nothing more happens then */
  constructor(readonly ended: Promise<void>) {
    super('castle-mount hangs in the container');
  }
}

/** Open descriptors of a container's mount namespace and root: they stay valid when the process ends or its pid is reused. */
export interface MountNamespaceHandle {
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
  /** Whether other leases have the volume mounted now: its device, if it has one, is attached already. */
  readonly isMountedElsewhere: boolean;
  /** Decides how ids are mapped once the owner of the root folder is known; without it they are not mapped. */
  readonly ids?: (owner: Owner) => IdPlan;
}

/** Which ids of the host stand for the ids on the disk, in a mount. Ids that are not mapped cannot write. */
export interface IdMapping {
  readonly uids: readonly Extent[];
  readonly gids: readonly Extent[];
}

/** How the owners of files are made to fit the container. */
export interface IdPlan {
  readonly map?: IdMapping;
  /** The new owner of the root folder; nothing below it changes. */
  readonly chown?: Owner;
}

/** The kernel or the file system cannot map ids; nothing is mounted. */
export class IdMappingUnsupportedError extends Error {
  override readonly name = 'IdMappingUnsupportedError';

  /** @param error the kernel's error: EINVAL when the file system cannot map ids */
  constructor(readonly error: string) {
    super(`ids cannot be mapped: ${error}`);
  }
}

/** An image, or a block device, with a file system of its own. */
export interface ImageToMount {
  /** Open for reading and writing. */
  readonly fd: number;
  readonly path: string;
  /** Whether it is a block device of the host, which needs no loop device. */
  readonly isDevice?: true;
  readonly fileSystem: {
    readonly type: string;
    /** The UUID that the file system must have; checked again on the device that is mounted. */
    readonly uuid: string;
  };
  /** Path of the loop device that the image is attached to, if there is one. */
  readonly device?: string;
}

/** A folder of an NFS server. */
export interface NfsFolderToMount {
  /** `HOST:/PATH`. */
  readonly source: string;
  /** As in nfs(5), with commas between them, and with `addr=`: the kernel looks up no names. */
  readonly options: string;
}

/** Mounts folders and file systems in the mount namespaces of containers. */
export interface Mounter {
  /**
   * Mounts a folder in a container.
   * @param source absolute host path without symlinks
   * @param target absolute path in the container
   * @returns the id of the mount, as in the container's mountinfo
   * @throws RefusalError bad_target or backend_failed; MountHungError; IdMappingUnsupportedError
   */
  mount(into: MountNamespaceHandle, source: string, target: string, options: MountOptions): Promise<number>;
  /**
   * Mounts the file system of an image in a container, by a loop device that vanishes with the last mount of it; or that
   * of a block device.
   * @param target absolute path in the container; when that is wrong, the file system has not been touched
   * @returns the id of the mount, as in the container's mountinfo
   * @throws RefusalError bad_target or backend_failed; MountHungError; IdMappingUnsupportedError
   */
  mountImage(
    into: MountNamespaceHandle,
    image: ImageToMount,
    target: string,
    options: MountOptions,
  ): Promise<number>;
  /**
   * Mounts a folder of an NFS server in a container. A server that does not answer makes it fail within a bound.
   * @param target absolute path in the container; when that is wrong, the server is not contacted
   * @returns the id of the mount, as in the container's mountinfo
   * @throws RefusalError bad_target or backend_failed; MountHungError
   */
  mountNfs(
    into: MountNamespaceHandle,
    folder: NfsFolderToMount,
    target: string,
    options: MountOptions,
  ): Promise<number>;
  /**
   * Grows a mounted file system to the size of its image.
   * @param device path of its loop device, or of itself
   * @param target where it is mounted in the container
   * @throws RefusalError busy when something else is mounted there; backend_failed; MountHungError
   */
  growImage(into: MountNamespaceHandle, image: ImageToMount, device: string, target: string): Promise<void>;
  /**
   * Unmounts.
   * @throws RefusalError busy when something in the container uses it; not_found when the mount point doesn't lead to it;
   *   MountHungError
   */
  unmount(from: MountNamespaceHandle, target: string, mountId: number): Promise<void>;
}

/** @param program path of castle-mount */
export function createMounter(program: string): Mounter {
  return {
    async mount(into, source, target, { readonly, ids }) {
      const args = ['mount', readonly ? 'ro' : 'rw', source, target];
      const result = await runMountProgram(program, args, descriptorsOf(into), limitMs, ids);
      if (result.ok) return result.id;
      if (result.step === 'idmap') throw new IdMappingUnsupportedError(result.error);
      throw mountRefusal(result, source, target);
    },
    async mountImage(into, image, target, { readonly, ids }) {
      const { fd, path, isDevice, fileSystem, device } = image;
      const { type, uuid } = fileSystem;
      const mode = readonly ? 'ro' : 'rw';
      const args =
        isDevice === true
          ? ['mount-device', mode, type, uuid, path, target]
          : ['mount-image', mode, type, uuid, target, device ?? 'new'];
      const result = await runMountProgram(program, args, [...descriptorsOf(into), fd], imageLimitMs, ids);
      if (result.ok) return result.id;
      if (result.step === 'idmap') throw new IdMappingUnsupportedError(result.error);
      throw imageRefusal(result, path, target);
    },
    async mountNfs(into, { source, options }, target, { readonly }) {
      const args = ['mount-nfs', readonly ? 'ro' : 'rw', source, options, target];
      const result = await runMountProgram(program, args, descriptorsOf(into), limitMs);
      if (result.ok) return result.id;
      throw nfsRefusal(result, source, target);
    },
    async growImage(into, { fd, path, fileSystem: { type } }, device, target) {
      const args = ['grow', type, device, target];
      const result = await runMountProgram(program, args, [...descriptorsOf(into), fd], imageLimitMs);
      if (!result.ok) throw growRefusal(result, path, target);
    },
    async unmount(from, target, mountId) {
      const result = await runMountProgram(
        program,
        ['unmount', target, String(mountId)],
        descriptorsOf(from),
        limitMs,
      );
      if (result.ok) return;
      if (result.step === 'mount' || result.step === 'target') {
        throw new RefusalError('not_found', `the volume is no longer mounted on ${target}`, 'nothing to do');
      }
      if (result.error === 'EBUSY') {
        throw new RefusalError(
          'busy',
          `${target} is in use in the container`,
          'stop the processes that use it, then send the request again',
        );
      }
      throw new RefusalError(
        'backend_failed',
        `${target} cannot be unmounted: ${result.step}: ${result.error}`,
        'see the log of the castle',
      );
    },
  };
}

export type MountProgramResult =
  | { readonly ok: true; readonly id: number }
  | ({ readonly ok: false } & MountFault);

const descriptorsOf = ({ namespace, root }: MountNamespaceHandle): readonly number[] => [namespace, root];

/**
 * Runs castle-mount once; its protocol is in native/mount/main.c.
 * @param descriptors from 3 on
 * @throws MountHungError
 */
export async function runMountProgram(
  program: string,
  args: readonly string[],
  descriptors: readonly (number | 'ignore')[],
  timeLimitMs: number,
  ids?: (owner: Owner) => IdPlan,
): Promise<MountProgramResult> {
  const options = { env: {}, descriptors, timeLimitMs };
  const { end, stdout } =
    ids === undefined
      ? await runProgram(program, args, options)
      : await runWithIdPlan(startProgram(program, [...args, 'ids'], options), ids);
  switch (end.kind) {
    case 'exited':
      return parseResult(end.exitCode, stdout);
    case 'hung':
      throw new MountHungError(end.gone);
    case 'not-started':
      return { ok: false, step: `${program} cannot be run`, error: end.error };
    default:
      return { ok: false, step: 'castle-mount', error: end.kind === 'signaled' ? end.signal : 'SIGKILL' };
  }
}

/** Runs castle-mount, and sends it the id plan when it has reported the owner of the root folder. */
async function runWithIdPlan({ stdin, stdout, end }: RunningProgram, ids: (owner: Owner) => IdPlan) {
  let rest = '';
  for await (const line of readLines(stdout)) {
    const [, uid, gid] = /^owner (\d+) (\d+)$/.exec(line) ?? [];
    if (uid === undefined || gid === undefined) rest += `${line}\n`;
    else stdin.end(planText(ids({ uid: Number(uid), gid: Number(gid) })));
  }
  return { end: await end, stdout: rest };
}

/** The plan in the format of native/mount/idmap.h. */
function planText({ map, chown }: IdPlan): string {
  const lines = (letter: string, extents: readonly Extent[]) =>
    extents.map(({ from, to, count }) => `${letter} ${from} ${to} ${count}\n`);
  return [
    ...lines('u', map?.uids ?? []),
    ...lines('g', map?.gids ?? []),
    ...(chown === undefined ? [] : [`c ${chown.uid} ${chown.gid}\n`]),
  ].join('');
}

function parseResult(exitCode: number, text: string): MountProgramResult {
  const words = text.trim().split(' ');
  if (exitCode === 0) return { ok: true, id: Number(words[0]) };
  return { ok: false, step: words[0] ?? '', error: errnoName(Number(words[1])) };
}

/** The name of an errno, as in `EBUSY`. */
export function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
