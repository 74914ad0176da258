import type { SourceFolder } from '../../linux/mountinfo.ts';
import { namespaceOf } from '../../linux/proc.ts';
import type { Backend } from '../backends/backend.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import type { HostMounts } from './host-mounts.ts';
import { locateMount, type MountLocation } from './mount-location.ts';
import { MountNamespaces, type VolumeMount } from './mount-namespaces.ts';
import { belongsToContainer } from './namespace-ownership.ts';

/** Where volumes are mounted, by the kernel's own word. */
export class MountInspector {
  private readonly census = new MountNamespaces();

  constructor(
    private readonly store: Store,
    private readonly volumes: VolumeCatalog,
    private readonly backend: Backend,
    private readonly hostMounts: HostMounts,
  ) {}

  /**
   * What the kernel calls the volume where it is mounted; undefined when it can be mounted nowhere now.
   * @throws RefusalError backend_failed when it cannot be looked at
   */
  source(volume: string): Promise<SourceFolder | undefined> {
    return this.volumes.source(volume);
  }

  /** Where a volume is in use now. @throws RefusalError backend_failed when it cannot be looked at */
  async usesOf(volume: string): Promise<readonly VolumeMount[]> {
    const source = await this.source(volume);
    if (source === undefined) return [];
    return this.meant(await this.census.usesOf(source, this.backend.hostLocation(volume)));
  }

  /** One look for many volumes. @returns whether a volume seems to be in use; usesOf makes sure of it */
  look(): (volume: string) => Promise<boolean> {
    const usesOf = this.census.look();
    return async (volume) => {
      const source = await this.source(volume);
      return source !== undefined && this.meant(usesOf(source, this.backend.hostLocation(volume))).length > 0;
    };
  }

  /** Where the mount of a lease is. @throws RefusalError backend_failed when its volume cannot be looked at */
  async whereaboutsOf(lease: LeaseRecord): Promise<MountLocation> {
    const source = await this.source(lease.volume);
    return locateMount(lease.first.pid, source, lease.target, () => this.usesBeside(lease));
  }

  /** Where a lease's volume is mounted, without the mounts that are clearly those of other leases on it. */
  private async usesBeside({ id, volume, first }: LeaseRecord): Promise<readonly VolumeMount[]> {
    const others = this.store.leases().filter((lease) => lease.volume === volume && lease.id !== id);
    return (await this.usesOf(volume)).filter(
      (use) =>
        belongsToContainer(use, first) || !others.some((other) => belongsToContainer(use, other.first)),
    );
  }

  /** Whoever makes a mount namespace gets a copy of the mounts for the engine: nobody means to use it. */
  private meant(uses: readonly VolumeMount[]): readonly VolumeMount[] {
    const own = namespaceOf('self', 'mnt');
    return uses.filter((use) => use.namespace === own || !this.hostMounts.isOnMountPoint(use));
  }
}
