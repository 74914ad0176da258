import { constants } from 'node:os';
import type { Extent } from '../../linux/id-ranges.ts';
import { type RunningProgram, readLines, runProgram, startProgram } from '../../linux/run-program.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { growRefusal, imageRefusal, type MountFault, mountRefusal, nfsRefusal } from './mount-refusals.ts';
import type { Owner } from './owner.ts';

/** How long castle-mount may take, in milliseconds: a path in the container may lead to a file system that hangs. */
const limitMs = 10_000;

/** How long castle-mount may take to mount an image or device, whose journal may have to be replayed, in milliseconds. */
const imageLimitMs = 60_000;

/** castle-mount hangs in uninterruptible sleep (state D) and cannot be killed. It may still finish its operation. */
export class MountHungError extends Error {
  override readonly name = 'MountHungError';

  /** @param ended resolves when castle-mount ends; after that it makes no more changes */
  constructor(readonly ended: Promise<void>) {
    super('castle-mount hangs in the container');
  }
}

/** Open descriptors of a container's mount namespace and root: they stay valid when the process ends or its pid is reused. */
export interface MountNamespaceHandle {
  /** The descriptor of the mount namespace. */
  readonly namespace: number;
  /** The descriptor of the root folder of the container's first process. */
  readonly root: number;
  close(): void;
}

/** How a volume is mounted in a container. */
export interface MountOptions {
  /** Whether the mount is read-only. */
  readonly readonly: boolean;
  /** Whether the volume is mounted elsewhere already; the device of the volume, if it has one, is attached then. */
  readonly isMountedElsewhere: boolean;
  /** Computes the id mapping from the owner of the volume's root folder. Default: ids are not mapped. */
  readonly ids?: (owner: Owner) => IdPlan;
}

/** The mapping from ids on the disk to ids of the host, for one mount. Processes with unmapped ids cannot write. */
export interface IdMapping {
  readonly uids: readonly Extent[];
  readonly gids: readonly Extent[];
}

/** How castle-mount adapts the owners of files to the user of the container. */
export interface IdPlan {
  readonly map?: IdMapping;
  /** The new owner of the root folder. The owners of the files in the folder stay. */
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

/** An image file or a block device that contains a file system. */
export interface ImageToMount {
  /** A descriptor of the image or device, open for reading and writing. */
  readonly fd: number;
  readonly path: string;
  /** Whether `fd` is a block device, which needs no loop device. */
  readonly isDevice?: true;
  readonly fileSystem: {
    readonly type: string;
    /** The UUID that the file system must have. castle-mount checks it again on the device that it mounts. */
    readonly uuid: string;
  };
  /** Path of the loop device that the image is attached to, if there is one. */
  readonly device?: string;
}

/** A folder of an NFS server. */
export interface NfsFolderToMount {
  /** `HOST:/PATH`. */
  readonly source: string;
  /** The mount options of nfs(5), separated by commas. They include `addr=`, because the kernel does not resolve host names. */
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
   * Mounts the file system of an image or a block device in a container. An image is mounted through a loop device, which the
   * kernel detaches after the last unmount.
   * @param target absolute path in the container; it is checked before the file system is touched
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
   * Mounts a folder of an NFS server in a container. Fails within a time limit when the server does not answer.
   * @param target absolute path in the container; it is checked before the server is contacted
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
   * @param device path of the image's loop device, or of the block device
   * @param target the mount point in the container
   * @throws RefusalError busy when another file system is mounted on the target; backend_failed; MountHungError
   */
  growImage(into: MountNamespaceHandle, image: ImageToMount, device: string, target: string): Promise<void>;
  /**
   * Unmounts a volume in a container.
   * @param mountId the id of the mount, as in the container's mountinfo: no other mount on the target is unmounted
   * @throws RefusalError busy when a process in the container uses the mount; not_found when the mount is not on `target`;
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
 * Runs castle-mount once. Its protocol is documented in native/mount/main.c.
 * @param descriptors the file descriptors that castle-mount inherits, from descriptor 3 on
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

/** Waits until castle-mount reports the owner of the root folder, and sends the id plan to castle-mount. */
async function runWithIdPlan({ stdin, stdout, end }: RunningProgram, ids: (owner: Owner) => IdPlan) {
  let rest = '';
  for await (const line of readLines(stdout)) {
    const [, uid, gid] = /^owner (\d+) (\d+)$/.exec(line) ?? [];
    if (uid === undefined || gid === undefined) rest += `${line}\n`;
    else stdin.end(planText(ids({ uid: Number(uid), gid: Number(gid) })));
  }
  return { end: await end, stdout: rest };
}

/** Returns the id plan in the format of native/mount/idmap.h. */
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

/** Returns the name of an errno, as in `EBUSY`. */
export function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
