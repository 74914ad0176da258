import { bootId, identify } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend } from '../backends/backend.ts';
import { type HostMounts, isEngineMountExpired } from '../mounting/host-mounts.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { EngineMount, LeaseRecord, Store } from '../store/store.ts';
import { noSuchVolume } from '../volumes/refusals.ts';
import { type UnmountDeps, unmountAndEnd } from './release-lease.ts';

export interface EngineMountLeasesDeps extends UnmountDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly hostMounts: HostMounts;
  readonly volumeLock: KeyedMutex;
}

/**
 * The leases of mounts on the host, which an engine bind-mounts into its containers (Docker's volume plug-in). The castle does
 * not know the process of a container for such a lease, so the lease records the castle's own process as the first process. The
 * lease ends when both the mount tables of all namespaces and the engine show that no container uses the volume.
 */
export class EngineMountLeases {
  /** Ids of the leases for which a failed check has been reported. The check runs every few seconds, and one report is enough. */
  private readonly unresolved = new Set<string>();

  constructor(private readonly deps: EngineMountLeasesDeps) {}

  list(): readonly LeaseRecord[] {
    return this.deps.store.leases().filter(isOfEngine);
  }

  /** Returns the leases on one volume that belong to mounts for an engine. */
  on(volume: string): readonly LeaseRecord[] {
    return this.deps.store.leasesOn(volume).filter(isOfEngine);
  }

  /**
   * Checks that a volume exists. A mount for an engine never creates the volume, because the engine creates volumes by a separate
   * call, and a new empty volume would hide that the volume was lost.
   * @throws RefusalError not_found, backend_failed
   */
  async checkVolumeExists(volume: string): Promise<void> {
    const { store, backend } = this.deps;
    if (store.volume(volume) !== undefined) return;
    if ((await backend.find(volume)) === undefined) throw noSuchVolume(volume);
  }

  /** If the lease belongs to an engine's mount, restarts the time limit within which a container has to use the mount. */
  async recordRequestedAgain(lease: LeaseRecord): Promise<LeaseRecord> {
    return lease.engine === undefined ? lease : this.put(lease, newEngineMount());
  }

  /**
   * Handles the engine's Unmount call. The engine also sends this call after each copy from or to a running container (moby's
   * MountPoint.Cleanup), so the mount stays while a container still uses it.
   * @param id the engine's id of the mount
   * @throws RefusalError busy, backend_failed
   */
  async release(volume: string, id: string): Promise<void> {
    const { volumeLock, resolver } = this.deps;
    await volumeLock.run(volume, async () => {
      const lease = this.on(volume).find(({ container }) => container === id);
      if (lease === undefined) return;
      resolver.checkNotHung(lease);
      if ((await this.containerMounts(lease)).length > 0) await this.recordSeen(lease);
      else await this.end(lease, 'the engine does not need the mount any more');
    });
  }

  /**
   * Ends the leases that no container uses any more. This is necessary because the engine sends no Unmount call when it was
   * restarted, or when the castle was not running.
   * @returns the remaining leases for engines
   */
  async endAllUnused(): Promise<readonly LeaseRecord[]> {
    const left: LeaseRecord[] = [];
    for (const { volume, id } of this.list()) {
      await this.deps.volumeLock.run(volume, async () => {
        const lease = this.deps.store.lease(id);
        if (lease !== undefined && !(await this.endIfUnused(lease))) left.push(lease);
      });
    }
    return left;
  }

  /** Ends the leases on a volume that no container uses any more. The caller holds the volume's lock. */
  async endUnusedOn(volume: string): Promise<void> {
    for (const lease of this.on(volume)) await this.endIfUnused(lease);
  }

  /**
   * Ends a lease that belongs to an engine's mount, if both the mount tables and the engine show that no container uses the
   * mount. A lease that cannot be checked or unmounted stays. The caller holds the volume's lock.
   * @returns whether the lease was ended
   */
  async endIfUnused(lease: LeaseRecord): Promise<boolean> {
    const { resolver, watch, hostMounts, recorder } = this.deps;
    const { engine, volume, id } = lease;
    if (engine === undefined || resolver.isHung(id) || watch.living(id) === undefined) return false;
    try {
      const isInUse = (await this.containerMounts(lease)).length > 0;
      if (isInUse) await this.recordSeen(lease);
      if (isInUse || !isEngineMountExpired(engine, Date.now())) return false;
      if ((await hostMounts.containersUsing(volume)).length > 0) return false;
      await this.end(lease, 'no container uses the mount any more');
      this.unresolved.delete(id);
      return true;
    } catch (thrown) {
      if (this.unresolved.has(id)) return false;
      this.unresolved.add(id);
      recorder.emit(
        lease,
        'lease.unresolved',
        `cannot find out whether a container still uses the mount, so the lease stays: ${errorMessage(thrown)}`,
      );
      return false;
    }
  }

  /** At start, records this castle as the first process of a lease whose mount was created during the same boot of the host. */
  async recoverAtStart(lease: LeaseRecord): Promise<LeaseRecord> {
    if (lease.engine === undefined || lease.first.bootId !== bootId()) return lease;
    const recovered = { ...lease, first: identify(process.pid) };
    await this.deps.store.commit((changes) => changes.putLease(recovered));
    return recovered;
  }

  /** Returns the mounts of a volume in containers: all mounts except those on the host that were created for the engine. */
  private async containerMounts({ volume }: LeaseRecord): Promise<readonly VolumeMount[]> {
    const { inspector, hostMounts } = this.deps;
    return (await inspector.findMounts(volume)).filter((found) => !hostMounts.isOnMountPoint(found));
  }

  private async recordSeen(lease: LeaseRecord): Promise<void> {
    if (lease.engine?.seen === false) await this.put(lease, { ...lease.engine, seen: true });
  }

  private async put(lease: LeaseRecord, engine: EngineMount): Promise<LeaseRecord> {
    const next = { ...lease, engine };
    await this.deps.store.commit((changes) => changes.putLease(next));
    return next;
  }

  private async end(lease: LeaseRecord, reason: string): Promise<void> {
    await unmountAndEnd(this.deps, lease);
    this.deps.hostMounts.removeMountPoint(lease.target);
    this.deps.recorder.emit(lease, 'lease.released', reason);
  }
}

/** Returns the record of a mount that the engine requests now and that no container uses yet. */
export const newEngineMount = (): EngineMount => ({ requested: new Date().toISOString(), seen: false });

const isOfEngine = ({ engine }: LeaseRecord): boolean => engine !== undefined;
