import type { MountLine, SourceFolder } from '../../linux/mountinfo.ts';
import type { Devices } from '../../protocol/contract.ts';
import type { Stray } from '../housekeeping/stray.ts';
import type { MountNamespaceHandle, MountOptions } from '../mounting/mounter.ts';
import type { Owner } from '../mounting/owner.ts';
import type { Claims } from './claims.ts';
import type { Snapshots } from './snapshots.ts';
import type { KnownVolume, NewVolume } from './volume.ts';

export type { Owner };

/**
 * Where volumes live, as leases see it. There are two families: directories.ts for folders, blocks.ts for devices. Each
 * call may be repeated after a crash: doing it twice is doing it once.
 */
export interface Backend {
  /** What it is called in `--backend` and in the store. */
  readonly name: string;
  /** For people: what and where. */
  readonly description: string;
  /** The host folder in which all volumes are, an absolute path without symlinks. */
  readonly base: string;
  /**
   * Looks for a volume; only a whole one is found.
   * @throws RefusalError backend_failed when something else is in its place
   */
  find(volume: string): Promise<KnownVolume | undefined>;
  /**
   * Creates the volume when it isn't there; existing data is kept as it is, its owner too.
   * @throws RefusalError backend_failed when it can't; nothing is left of it then
   */
  create(volume: NewVolume): Promise<void>;
  /**
   * Takes back a volume that nothing was ever written to.
   * @returns whether it is gone; false when there is, or may be, something in it
   */
  discardEmpty(volume: KnownVolume): Promise<boolean>;
  /** Removes what an interrupted create left behind. */
  sweep(): Promise<void>;
  /**
   * What mountinfo calls the volume where it is mounted; undefined when it can be mounted nowhere now.
   * @throws Error with code ENOENT when it isn't there; RefusalError backend_failed when that can't be told
   */
  source(volume: KnownVolume): Promise<SourceFolder | undefined>;
  /** The folder of the host on which the volume may be mounted without being in use, if there is one. */
  place(volume: string): SourceFolder | undefined;
  /** Whether a mount shows a volume of this backend, or a part of one. */
  shows(mount: MountLine): boolean;
  /**
   * Mounts the volume in a container, and never makes it anew: what is wrong with it is a refusal.
   * @param target absolute path in the container
   * @returns the id of the mount, as in the container's mountinfo
   * @throws RefusalError bad_target, busy or backend_failed; MountHungError
   */
  mount(
    into: MountNamespaceHandle,
    volume: KnownVolume,
    target: string,
    options: MountOptions,
  ): Promise<number>;
  /**
   * Makes a volume larger; asked for the size that it has, it finishes what was begun.
   * @param mounted where it is mounted now: it grows there, under what uses it; else when it is mounted the next time
   * @throws RefusalError bad_request when it can't have such a size; backend_failed when there is no room for it, and it
   *   stays as it is; busy; MountHungError
   */
  grow(volume: KnownVolume, sizeBytes: number, mounted?: MountedIn): Promise<void>;
  /** Where deleted volumes are kept; a backend without it deletes none. */
  readonly trash?: Trash;
  /** Copies of volumes at a moment; a backend without it makes none. */
  readonly snapshots?: Snapshots;
  /** Whether no mount of it can map ids: what is whose on the disk is whose in the container. */
  readonly showsIdsAsTheyAre?: true;
  /** Where hosts that share the backend claim its volumes; a backend without it is one host's. */
  readonly claims?: Claims;
  /**
   * Nobody has the volume any more: what was held on this host for its user can be given back. Told at the end of the last
   * lease, and once more for every volume without a lease at start.
   */
  afterUse?(volume: KnownVolume): Promise<void>;
  /** All volumes that lie here, whether the store knows them or not. */
  found?(): Promise<readonly KnownVolume[]>;
  /** What an interrupted creation or removal left behind, and nobody works on any more. */
  unfinished?(): Promise<readonly Stray[]>;
  /**
   * Finds what this backend made and nobody needs.
   * @param isKnown whether the store has a volume or a snapshot with that id, a deleted one that is kept too; asked again
   *   before anything is removed
   */
  strays?(isKnown: (id: string) => boolean): Promise<readonly Stray[]>;
  /**
   * The devices of this host that have volumes; a backend whose volumes are no devices has none.
   * @throws RefusalError backend_failed
   */
  devices?(): Promise<Devices>;
}

/** Where a volume is mounted. */
export interface MountedIn {
  readonly container: MountNamespaceHandle;
  readonly target: string;
}

/** Deleted volumes of a backend, each under an id of its own. Each call may be repeated after a crash. */
export interface Trash {
  /**
   * Takes a volume away from its place, whole, in one step.
   * @throws RefusalError busy when something is mounted on or in it, backend_failed
   */
  put(volume: string, id: string): Promise<void>;
  /**
   * Puts it back in its place, where nothing may be.
   * @throws RefusalError busy when something is there, backend_failed
   */
  takeBack(volume: string, id: string): Promise<void>;
  /** Whether it is in the trash. */
  has(volume: string, id: string): Promise<boolean>;
  /**
   * What mountinfo calls it where it is mounted; undefined when it can be mounted nowhere now. Not there where `purge` itself
   * refuses what is in use.
   * @throws RefusalError busy when that can't be told
   */
  source?(volume: string, id: string): Promise<SourceFolder | undefined>;
  /** Removes it for good. */
  purge(volume: string, id: string): Promise<void>;
  /** Everything that is in the trash. */
  list(): Promise<readonly InTrash[]>;
}

/** A deleted volume as its backend sees it. */
export interface InTrash {
  readonly volume: string;
  /** That of its entry in the trash. */
  readonly id: string;
  /** The id that it had as a volume, where what lies there says so. */
  readonly volumeId?: string;
}
