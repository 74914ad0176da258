import type { SourceFolder } from '../../linux/mountinfo.ts';
import { namespaceOf } from '../../linux/proc.ts';
import type { Backend } from '../backends/backend.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import { locateMount, type MountLocation } from '../mounting/mount-location.ts';
import { MountNamespaces, type VolumeMount } from '../mounting/mount-namespaces.ts';
import { belongsToContainer } from '../mounting/namespace-ownership.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import { volumeSource } from './volume-source.ts';

/** Finds where volumes are mounted, from the kernel's mount tables. */
export class MountInspector {
  readonly namespaces = new MountNamespaces();

  constructor(
    private readonly store: Store,
    private readonly backend: Backend,
    private readonly hostMounts: HostMounts,
  ) {}

  /** Returns the current mounts of a volume. @throws RefusalError backend_failed when the backend cannot find the volume */
  async findMounts(volume: string): Promise<readonly VolumeMount[]> {
    return (await this.findSourceAndMounts(volume)).mounts;
  }

  /**
   * Returns the source of a volume as the mount tables show it, and the current mounts of the volume.
   * @returns an undefined source, and no mounts, when the volume cannot be mounted anywhere now
   * @throws RefusalError backend_failed when the backend cannot find the volume
   */
  async findSourceAndMounts(volume: string): Promise<{
    readonly source: SourceFolder | undefined;
    readonly mounts: readonly VolumeMount[];
  }> {
    const source = await this.source(volume);
    if (source === undefined) return { source, mounts: [] };
    const mounts = await this.namespaces.findMounts(source, this.backend.hostLocation(volume));
    return { source, mounts: this.withoutCopies(mounts) };
  }

  /**
   * Scans all mount namespaces once, for the lookup of many volumes.
   * @returns a function that returns whether a volume was mounted at the time of the scan; use findMounts for the current state
   */
  scan(): (volume: string) => Promise<boolean> {
    const mountsIn = this.namespaces.scan();
    return async (volume) => {
      const source = await this.source(volume);
      if (source === undefined) return false;
      return this.withoutCopies(mountsIn(source, this.backend.hostLocation(volume))).length > 0;
    };
  }

  /** Locates the mount of a lease. @throws RefusalError backend_failed when the backend cannot find the volume */
  async locate(lease: LeaseRecord): Promise<MountLocation> {
    const source = await this.source(lease.volume);
    return locateMount(lease.first.pid, source, lease.target, () => this.mountsExceptOthers(lease));
  }

  private source(volume: string): Promise<SourceFolder | undefined> {
    return volumeSource(this.store, this.backend, volume);
  }

  /** Returns the mounts of a lease's volume, without the mounts that belong to other leases on the volume. */
  private async mountsExceptOthers({ id, volume, first }: LeaseRecord): Promise<readonly VolumeMount[]> {
    const others = this.store.leasesOn(volume).filter((lease) => lease.id !== id);
    return (await this.findMounts(volume)).filter(
      (found) =>
        belongsToContainer(found, first) || !others.some((other) => belongsToContainer(found, other.first)),
    );
  }

  /** Removes copies of mounts for the engine: each new mount namespace gets such copies, and they do not use the volume. */
  private withoutCopies(mounts: readonly VolumeMount[]): readonly VolumeMount[] {
    const own = namespaceOf('self', 'mnt');
    return mounts.filter((found) => found.namespace === own || !this.hostMounts.isOnMountPoint(found));
  }
}
