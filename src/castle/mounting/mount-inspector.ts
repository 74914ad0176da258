import type { SourceFolder } from '../../linux/mountinfo.ts';
import { namespaceOf } from '../../linux/proc.ts';
import type { Backend } from '../backends/backend.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import type { Volumes } from '../volumes/volumes.ts';
import type { HostMounts } from './host-mounts.ts';
import { type Whereabouts, whereaboutsOf } from './mount-location.ts';
import { Census, type Use } from './mount-namespaces.ts';
import { belongsTo } from './namespace-ownership.ts';

/** Where volumes are mounted, by the kernel's own word. */
export class Sight {
  private readonly census = new Census();

  constructor(
    private readonly store: Store,
    private readonly volumes: Volumes,
    private readonly backend: Backend,
    private readonly hostMounts: HostMounts,
  ) {}

  /**
   * What the kernel calls the volume where it is mounted; undefined when it can be mounted nowhere now.
   * @throws Refused backend_failed when it cannot be looked at
   */
  source(volume: string): Promise<SourceFolder | undefined> {
    return this.volumes.source(volume);
  }

  /** Where a volume is in use now. @throws Refused backend_failed when it cannot be looked at */
  async usesOf(volume: string): Promise<readonly Use[]> {
    const source = await this.source(volume);
    if (source === undefined) return [];
    return this.meant(await this.census.usesOf(source, this.backend.place(volume)));
  }

  /** One look for many volumes. @returns whether a volume seems to be in use; usesOf makes sure of it */
  look(): (volume: string) => Promise<boolean> {
    const usesOf = this.census.look();
    return async (volume) => {
      const source = await this.source(volume);
      return source !== undefined && this.meant(usesOf(source, this.backend.place(volume))).length > 0;
    };
  }

  /** Where the mount of a lease is. @throws Refused backend_failed when its volume cannot be looked at */
  async whereaboutsOf(lease: LeaseRecord): Promise<Whereabouts> {
    const source = await this.source(lease.volume);
    return whereaboutsOf(lease.first.pid, source, lease.target, () => this.usesBeside(lease));
  }

  /** Where a lease's volume is mounted, without the mounts that are clearly those of other leases on it. */
  private async usesBeside({ id, volume, first }: LeaseRecord): Promise<readonly Use[]> {
    const others = this.store.leases().filter((lease) => lease.volume === volume && lease.id !== id);
    return (await this.usesOf(volume)).filter(
      (use) => belongsTo(use, first) || !others.some((other) => belongsTo(use, other.first)),
    );
  }

  /** Whoever makes a mount namespace gets a copy of the mounts for the engine: nobody means to use it. */
  private meant(uses: readonly Use[]): readonly Use[] {
    const own = namespaceOf('self', 'mnt');
    return uses.filter((use) => use.namespace === own || !this.hostMounts.isPoint(use));
  }
}
