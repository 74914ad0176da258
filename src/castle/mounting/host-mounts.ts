import { mkdirSync, realpathSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { isEntryOf, sourceFolder } from '../../linux/mountinfo.ts';
import { volumeNameFault } from '../../protocol/volume-name.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import type { EngineMount } from '../store/store.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/**
 * How long an engine may take from its request to the container that has the mount, in milliseconds. It gives up a
 * request after one or two minutes, and sets up the container's network afterwards.
 */
const firstUseWithinMs = 5 * 60_000;

/** The mount points on the host for an engine, which bind-mounts them into its containers. */
export interface HostMounts {
  /** The folder of the mount points: an absolute path without symlinks. */
  readonly folder: string;
  /** The mount point of a volume for a request of the engine. @param id the engine's id of the request */
  mountPointFor(volume: string, id: string): string;
  /** The volume that an entry of the folder is a mount point of; undefined when it is none. */
  volumeAt(name: string): string | undefined;
  /** Whether a mount is on one of these mount points, in any mount namespace. */
  isOnMountPoint(found: VolumeMount): boolean;
  createMountPoint(target: string): void;
  /** Removes a mount point if it is empty. */
  removeMountPoint(target: string): void;
  /**
   * The names of the containers that run with a volume, from the engine.
   * @throws RefusalError backend_failed when the engine cannot be reached
   */
  containersUsing(volume: string): Promise<readonly string[]>;
}

/** Separates a volume's name from the engine's id; volume names cannot contain it. */
const separator = '~';

/**
 * The mount points in the state folder. They must never lie below the folder of the castle's socket: containers have that
 * folder mounted, with everything that is mounted in it.
 * @param state the castle's own folder, for root alone
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
        // It does not exist, or is not empty: castle gc reports it.
      }
    },
    containersUsing,
  };
}

/** Whether the engine will not use a mount any more that no container uses now. */
export function isEngineMountExpired({ asked, seen }: EngineMount, nowMs: number): boolean {
  return seen || nowMs - Date.parse(asked) > firstUseWithinMs;
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
