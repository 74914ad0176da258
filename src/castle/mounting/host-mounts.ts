import { mkdirSync, realpathSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { isEntryOf, sourceFolder } from '../../linux/mountinfo.ts';
import { volumeNameFault } from '../../protocol/volume-name.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import type { EngineMount } from '../store/store.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/**
 * How long an engine may take from its question to the container that has the mount, in milliseconds. It gives up a
 * question after one or two minutes, and makes the container's network afterwards.
 */
const beginsWithinMs = 5 * 60_000;

/** The places of the host where volumes are mounted for an engine, which puts them into its containers. */
export interface HostMounts {
  /** The folder that has them: an absolute path without symlinks. */
  readonly folder: string;
  /** Where a volume is mounted for a question of the engine. */
  mountPointFor(volume: string, id: string): string;
  /** The volume of which an entry of the folder is a place; undefined when it is none. */
  volumeAt(name: string): string | undefined;
  /** Whether a volume is mounted on one of these places, in whatever mount namespace. */
  isOnMountPoint(use: VolumeMount): boolean;
  createMountPoint(target: string): void;
  /** Takes an empty place away; one that isn't empty stays. */
  removeMountPoint(target: string): void;
  /**
   * The names of the containers of which the engine says that they run with a volume.
   * @throws RefusalError backend_failed when it cannot be asked
   */
  containersUsing(volume: string): Promise<readonly string[]>;
}

/** Separates a volume's name from the engine's id; no name has it. */
const separator = '~';

/**
 * The places in a folder. Never below the folder of the castle's socket: containers have that one mounted, with all that
 * is mounted in it.
 * @param state the castle's own folder, for root alone
 * @throws Failure cannotCreate
 */
export function openHostMounts(
  state: string,
  usersOf: (volume: string) => Promise<readonly string[]>,
): HostMounts {
  const folder = prepare(state);
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
        // Not there, or something is in it: castle gc tells of it.
      }
    },
    containersUsing: usersOf,
  };
}

/** Whether a mount that no container has now will not come into one any more. */
export function isEngineMountExpired({ asked, seen }: EngineMount, nowMs: number): boolean {
  return seen || nowMs - Date.parse(asked) > beginsWithinMs;
}

function prepare(state: string): string {
  const folder = join(state, 'mounts');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return realpathSync(folder);
  } catch (thrown) {
    throw new Failure(
      'cannotCreate',
      `the folder ${folder} for mounts cannot be used: ${errorMessage(thrown)}`,
    );
  }
}
