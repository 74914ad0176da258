/**
 * The interface of a storage backend. To add a backend, write a function that returns a `Backend`, and name it in
 * backend-settings.ts and open-backend.ts. Every member of `Backend` is mandatory. A feature that only some backends support
 * is a capability: a separate interface, whose members are mandatory too, in a field that is null if the backend does not
 * support it. The castle refuses requests that need a capability that the backend lacks.
 *
 * For backends whose volumes are block devices with one file system each, block-backend.ts implements most of this.
 *
 * Every call is idempotent, and may be repeated after a crash.
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
  /** The name of the backend in `--backend` and in the store. */
  readonly name: string;
  /** The kind and the place of the backend, for messages, for example `local folder /srv/volumes`. */
  readonly description: string;
  /**
   * The folder of the host that contains the volumes or their devices: an absolute path without symlinks. Only one castle
   * uses the folder, and no mount point may be inside it.
   */
  readonly base: string;
}

/** Creates and finds volumes. */
export interface VolumeLifecycle {
  /**
   * Finds a completely created volume.
   * @returns undefined when there is none
   * @throws RefusalError backend_failed when something other than a volume has its name
   */
  find(volume: string): Promise<KnownVolume | undefined>;
  /**
   * Creates the volume unless it exists; an existing volume keeps its data and its owner.
   * @throws RefusalError backend_failed when the creation fails; nothing of the volume remains then
   */
  create(volume: NewVolume): Promise<void>;
  /**
   * Removes a volume that was never written to.
   * @returns whether the volume is removed; false when it contains, or may contain, data
   */
  discardEmpty(volume: KnownVolume): Promise<boolean>;
  /** Removes what an interrupted `create` left behind. Called at start. */
  removeUnfinished(): Promise<void>;
  /**
   * Lists the volumes on this host, so that the castle can report those without a record. Empty where several hosts share
   * the storage, since this castle has no records of their volumes.
   */
  listVolumes(): Promise<readonly KnownVolume[]>;
  /**
   * Finds what the castle created here and no longer needs: unfinished volumes and snapshots, idle devices.
   * @param isKnown whether the store contains a volume or a snapshot with this id, including deleted volumes; called again
   *   before anything is removed
   */
  findGarbage(isKnown: (id: string) => boolean): Promise<readonly Garbage[]>;
}

/** Mounts volumes and recognizes their mounts. */
export interface VolumeMounts {
  /** Whether the kernel can map ids in mounts of this backend (MOUNT_ATTR_IDMAP, mount_setattr(2)). */
  readonly canMapIds: boolean;
  /**
   * Returns how mountinfo shows a mount of the volume.
   * @returns undefined when the volume cannot be mounted anywhere now
   * @throws Error with code ENOENT when it does not exist; RefusalError backend_failed when it cannot be determined
   */
  source(volume: KnownVolume): Promise<SourceFolder | undefined>;
  /**
   * Returns the host's own path to the volume, as mountinfo shows it. A mount that contains this path does not count as a
   * use of the volume.
   * @returns undefined when the host has no path to the volume
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

/** What only some backends support; null means that this backend does not. */
export interface BackendCapabilities {
  /** Volumes can be deleted; they are kept in a trash for a time and can be restored. */
  readonly trash: Trash | null;
  /** Snapshots of volumes can be taken. */
  readonly snapshots: Snapshots | null;
  /** Each volume has its own size, and can grow. */
  readonly growth: Growth | null;
  /** Hosts that share the storage claim volumes, so that only one of them mounts a volume. */
  readonly claims: Claims | null;
  /** The host keeps a resource for a volume in use, which has to be released after the last use. */
  readonly hostHold: HostHold | null;
  /** Volumes are devices of this host, which can be listed. */
  readonly devices: DeviceReport | null;
  /** The size of each volume can be read without waiting for another host. */
  readonly sizes: VolumeSizes | null;
}

/** Enlarges volumes. */
export interface Growth {
  /**
   * Enlarges a volume. A call with its present size completes an interrupted growth.
   * @param mounted where the volume is mounted; its file system grows while it is mounted there. If absent, the file system
   *   grows at the next mount
   * @throws RefusalError bad_request when the volume cannot have this size; backend_failed when there is no space, and the
   *   volume is unchanged; busy; MountHungError
   */
  grow(volume: KnownVolume, sizeBytes: number, mounted?: MountedIn): Promise<void>;
}

/** Where a volume is mounted. */
export interface MountedIn {
  readonly container: MountNamespaceHandle;
  readonly target: string;
}

/** A resource that this host keeps for a volume besides its mounts: an EBS attachment, a claim on an NFS export. */
export interface HostHold {
  /**
   * Releases the resource, so that another host can use the volume. Called after the last lease ends, and at start for every
   * volume without a lease.
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
