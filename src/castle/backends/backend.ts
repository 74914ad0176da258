/**
 * What a storage backend has to provide. To add one, write a function that returns a `Backend` and name it in parse.ts.
 * Every member of `Backend` is mandatory. What only some backends can do is a capability: an interface of its own, whose
 * members are all mandatory too, in a field that is null where the backend cannot do it. The castle refuses requests that
 * need a capability that the backend lacks.
 *
 * For volumes that are block devices with a file system each, block-backend.ts provides most of this.
 *
 * Every call may be repeated after a crash: calling it twice has the same result as calling it once.
 */
import type { MountLine, SourceFolder } from '../../linux/mountinfo.ts';
import type { Devices } from '../../protocol/contract.ts';
import type { Garbage } from '../garbage/garbage.ts';
import type { MountNamespaceHandle, MountOptions } from '../mounting/mounter.ts';
import type { Owner } from '../mounting/owner.ts';
import type { Claims } from './claims.ts';
import type { Snapshots } from './snapshots.ts';
import type { Trash } from './trash.ts';
import type { KnownVolume, NewVolume } from './volume.ts';

export type { Owner };

/** Where volumes are stored, and how they are mounted in containers. */
export interface Backend extends BackendIdentity, VolumeLifecycle, VolumeMounts, BackendCapabilities {}

export interface BackendIdentity {
  /** Its name in `--backend` and in the store. */
  readonly name: string;
  /** For messages: the kind and the place, as in `local folder /srv/volumes`. */
  readonly description: string;
  /**
   * The folder of the host that the volumes, or their devices, are in: an absolute path without symlinks. Only one castle
   * uses it, and no mount point may lie in it.
   */
  readonly base: string;
}

/** Creates and finds volumes. */
export interface VolumeLifecycle {
  /**
   * Finds a volume that was created completely.
   * @returns undefined when there is none
   * @throws RefusalError backend_failed when something else has its name
   */
  find(volume: string): Promise<KnownVolume | undefined>;
  /**
   * Creates the volume unless it exists; an existing one keeps its data and its owner.
   * @throws RefusalError backend_failed when that fails; nothing is left of the volume then
   */
  create(volume: NewVolume): Promise<void>;
  /**
   * Removes a volume that was never written to.
   * @returns whether it is removed; false when it has, or may have, data
   */
  discardEmpty(volume: KnownVolume): Promise<boolean>;
  /** Removes what an interrupted create left behind; called at start. */
  removeUnfinished(): Promise<void>;
  /**
   * Lists the volumes that are here, so that the castle can report those that it has no record of. Where several hosts
   * share the storage this is empty: their volumes are no fault.
   */
  listVolumes(): Promise<readonly KnownVolume[]>;
  /**
   * Finds what the castle made here and nothing needs any more: unfinished volumes and snapshots, idle devices.
   * @param isKnown whether the store has a volume or a snapshot with this id, including deleted volumes; called again
   *   before anything is removed
   */
  findGarbage(isKnown: (id: string) => boolean): Promise<readonly Garbage[]>;
}

/** Mounts volumes and recognizes their mounts. */
export interface VolumeMounts {
  /** Whether the kernel can map ids in mounts of this backend (MOUNT_ATTR_IDMAP, mount_setattr(2)). */
  readonly canMapIds: boolean;
  /**
   * How mountinfo shows the volume where it is mounted.
   * @returns undefined when it cannot be mounted anywhere now
   * @throws Error with code ENOENT when it does not exist; RefusalError backend_failed when it cannot be determined
   */
  source(volume: KnownVolume): Promise<SourceFolder | undefined>;
  /**
   * The host's own path to the volume, as mountinfo shows it: a mount that contains it is no use of the volume.
   * @returns undefined when the host has no path to it
   */
  hostLocation(volume: string): SourceFolder | undefined;
  /** Whether a mount shows a volume of this backend, or a part of one. */
  ownsMount(mount: MountLine): boolean;
  /**
   * Mounts the volume in a container. It never creates or formats one: a missing or damaged volume is refused.
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
}

/** What only some backends can do; null means that this one cannot. */
export interface BackendCapabilities {
  /** Volumes can be deleted; they are kept in a trash and can be restored. */
  readonly trash: Trash | null;
  /** Snapshots of volumes can be taken. */
  readonly snapshots: Snapshots | null;
  /** Volumes have a size of their own and can grow. */
  readonly growth: Growth | null;
  /** Hosts that share the storage claim volumes, so that only one of them mounts a volume. */
  readonly claims: Claims | null;
  /** The host keeps something for a volume in use that has to be released after the last use. */
  readonly hostHold: HostHold | null;
  /** Volumes are devices of this host, which can be listed. */
  readonly devices: DeviceReport | null;
  /** The size of each volume can be read without waiting for another host. */
  readonly sizes: VolumeSizes | null;
}

/** Makes volumes larger. */
export interface Growth {
  /**
   * Makes a volume larger. Called with its present size, it completes an interrupted growth.
   * @param mounted where it is mounted: its file system grows there, while in use. When absent, the file system grows at
   *   the next mount
   * @throws RefusalError bad_request when the volume cannot have this size; backend_failed when there is no room, and the
   *   volume is unchanged; busy; MountHungError
   */
  grow(volume: KnownVolume, sizeBytes: number, mounted?: MountedIn): Promise<void>;
}

/** Where a volume is mounted. */
export interface MountedIn {
  readonly container: MountNamespaceHandle;
  readonly target: string;
}

/** What this host keeps for a volume besides its mounts: an EBS attachment, a claim on an NFS export. */
export interface HostHold {
  /**
   * Releases it, so that another host can use the volume. Called after the last lease ends, and at start for every volume
   * without a lease.
   */
  releaseUnused(volume: KnownVolume): Promise<void>;
}

/** The sizes of the volumes. */
export interface VolumeSizes {
  /** @returns bytes by the name of the volume */
  read(): ReadonlyMap<string, number>;
}

/** The devices of this host that hold volumes. */
export interface DeviceReport {
  /** @throws RefusalError backend_failed */
  read(): Promise<Devices>;
}
