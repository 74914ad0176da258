import { mkdirSync, realpathSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { isEntryOf, sourceFolder } from '../../linux/mountinfo.ts';
import { volumeNameFault } from '../../protocol/volume-name.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import type { EngineMount } from '../store/store.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/**
 * How long an engine may take between its mount request and the start of the container with the mount, in milliseconds. The
 * engine gives up a request after one or two minutes, and sets up the container's network after the mount.
 */
const firstUseWithinMs = 5 * 60_000;

/** The mount points on the host for an engine, which bind-mounts them into its containers. */
export interface HostMounts {
  /** The folder of the mount points: an absolute path without symlinks. */
  readonly folder: string;
  /** Returns the mount point for one mount request of the engine. @param id the engine's id of the request */
  mountPointFor(volume: string, id: string): string;
  /** Returns the volume that belongs to a file name in the folder; undefined when the name is not that of a mount point. */
  volumeAt(name: string): string | undefined;
  /** Whether a mount, in any mount namespace, is on one of the mount points in the folder. */
  isOnMountPoint(found: VolumeMount): boolean;
  createMountPoint(target: string): void;
  /** Removes a mount point if its folder is empty. */
  removeMountPoint(target: string): void;
  /**
   * Returns the names of the running containers that use a volume, as the engine reports them.
   * @throws RefusalError backend_failed when the engine cannot be reached
   */
  containersUsing(volume: string): Promise<readonly string[]>;
}

/** Separates a volume's name from the engine's id. Volume names cannot contain this character. */
const separator = '~';

/**
 * Opens the folder of the mount points, in the state folder. It must never be inside the folder of the castle's socket,
 * because containers mount the socket's folder and would get every mount in it.
 * @param state the castle's state folder, accessible only to root
 * @throws Failure cannotCreate
 */
export function openHostMounts(
  state: string,
  containersUsing: (volume: string) => Promise<readonly string[]>,
): HostMounts {
  const folder = createFolder(state);
  const all = sourceFolder(folder);
  return {
    folder,
    mountPointFor: (volume, id) => join(folder, `${volume}${separator}${id}`),
    volumeAt(name) {
      const [volume = '', id, ...more] = name.split(separator);
      return id === undefined || more.length > 0 || volumeNameFault(volume) !== undefined
        ? undefined
        : volume;
    },
    isOnMountPoint: ({ on }) => on !== undefined && isEntryOf(on, all),
    createMountPoint: (target) => void mkdirSync(target, { recursive: true, mode: 0o700 }),
    removeMountPoint(target) {
      try {
        rmdirSync(target);
      } catch {
        // The folder is missing or not empty. `castle gc` reports one that is not empty.
      }
    },
    containersUsing,
  };
}

/** Whether the castle may unmount a mount for the engine that no container uses now: one did, or the time limit is over. */
export function isEngineMountExpired({ requested, seen }: EngineMount, nowMs: number): boolean {
  return seen || nowMs - Date.parse(requested) > firstUseWithinMs;
}

function createFolder(state: string): string {
  const folder = join(state, 'mounts');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return realpathSync(folder);
  } catch (thrown) {
    throw new Failure(
      'cannotCreate',
      `the folder ${folder} for mount points cannot be used: ${errorMessage(thrown)}`,
    );
  }
}
