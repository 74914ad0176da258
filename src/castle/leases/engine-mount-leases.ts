import { bootId, identify } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend } from '../backends/backend.ts';
import { type HostMounts, isEngineMountExpired } from '../mounting/host-mounts.ts';
import type { MountInspector } from '../mounting/mount-inspector.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import type { OneAtATime } from '../store/keyed-mutex.ts';
import type { EngineMount, LeaseRecord, Store } from '../store/store.ts';
import type { ContainerWatch } from './container-watch.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import { noSuchVolume } from './refusals.ts';
import type { LeaseReleaser } from './release-lease.ts';
import type { LeaseResolver } from './resolve-lease.ts';

/** What it works with; all but the places is the ledger's. */
export interface ForEngineMeans {
  readonly store: Store;
  readonly backend: Backend;
  readonly hostMounts: HostMounts;
  readonly perVolume: OneAtATime;
  readonly journal: LeaseRecorder;
  readonly watched: ContainerWatch;
  readonly sight: MountInspector;
  readonly truth: LeaseResolver;
  readonly takingAway: LeaseReleaser;
}

/** What becomes of the leases of mounts on the host, which an engine puts into its containers: no process stands for them. */
export class EngineMountLeases {
  /** Leases of which people were told that it cannot be told whether they are over: that is looked at every few seconds. */
  private readonly unclear = new Set<string>();

  constructor(private readonly means: ForEngineMeans) {}

  /** All of them. */
  leases(): readonly LeaseRecord[] {
    return this.means.store.leases().filter(({ engine }) => engine !== undefined);
  }

  /**
   * A mount on the host never makes a volume: the engine has it made before, and a new one would hide a lost one.
   * @throws RefusalError not_found, backend_failed
   */
  async checkIsThere(volume: string): Promise<void> {
    const { store, backend } = this.means;
    if (store.volume(volume) !== undefined) return;
    if ((await backend.find(volume)) === undefined) throw noSuchVolume(volume);
  }

  /** The engine asks once more for what it has. */
  async askedAgain(lease: LeaseRecord): Promise<LeaseRecord> {
    return lease.engine === undefined ? lease : this.put(lease, justAsked());
  }

  /**
   * The engine says that it needs a mount no more. It says so after each copy from or to a running container, too (moby's
   * MountPoint.Cleanup): what a container still has stays, and ends with that.
   * @param id the engine's, as it asked with
   * @throws RefusalError busy, backend_failed
   */
  async release(volume: string, id: string): Promise<void> {
    await this.means.perVolume.run(volume, async () => {
      const lease = this.leases().find((one) => one.volume === volume && one.container === id);
      if (lease === undefined) return;
      this.means.truth.checkNothingHangs(lease);
      if ((await this.usesByContainers(lease)).length > 0) await this.sawInUse(lease);
      else await this.end(lease, 'the engine needs it no more');
    });
  }

  /**
   * Ends those that no container has any more, though the engine did not say so: it forgets to when it was started again
   * meanwhile, or when the castle was away.
   * @returns those that are left
   */
  async settleAll(): Promise<readonly LeaseRecord[]> {
    const left: LeaseRecord[] = [];
    for (const { volume, id } of this.leases()) {
      await this.means.perVolume.run(volume, async () => {
        const lease = this.means.store.lease(id);
        if (lease !== undefined && !(await this.settle(lease))) left.push(lease);
      });
    }
    return left;
  }

  /**
   * Ends a lease when no container has its mount any more: by what all mount namespaces and the engine say. What can't be
   * looked at, or taken away, stays; so does what is no such lease.
   * @returns whether it is ended
   */
  async settle(lease: LeaseRecord): Promise<boolean> {
    const { truth, watched, hostMounts, journal } = this.means;
    const { engine, volume, id } = lease;
    if (engine === undefined || truth.isHanging(id) || watched.living(id) === undefined) return false;
    try {
      const uses = await this.usesByContainers(lease);
      if (uses.length > 0) await this.sawInUse(lease);
      if (uses.length > 0 || !isEngineMountExpired(engine, Date.now())) return false;
      if ((await hostMounts.containersUsing(volume)).length > 0) return false;
      await this.end(lease, 'no container has it any more');
      this.unclear.delete(id);
      return true;
    } catch (thrown) {
      if (this.unclear.has(id)) return false;
      this.unclear.add(id);
      journal.emit(
        lease,
        'lease.unresolved',
        `it cannot be told whether it is over: ${errorMessage(thrown)}`,
      );
      return false;
    }
  }

  /** At start: such a mount outlives the castle that made it, but not the host; the next castle stands in for it. */
  async takeOver(lease: LeaseRecord): Promise<LeaseRecord> {
    if (lease.engine === undefined || lease.first.bootId !== bootId()) return lease;
    const mine = { ...lease, first: identify(process.pid) };
    await this.means.store.commit((changes) => changes.putLease(mine));
    return mine;
  }

  /** Where a volume is mounted besides on the host for the engine. */
  private async usesByContainers({ volume }: LeaseRecord): Promise<readonly VolumeMount[]> {
    const { sight, hostMounts } = this.means;
    return (await sight.usesOf(volume)).filter((use) => !hostMounts.isOnMountPoint(use));
  }

  private async sawInUse(lease: LeaseRecord): Promise<void> {
    if (lease.engine?.seen === false) await this.put(lease, { ...lease.engine, seen: true });
  }

  private async put(lease: LeaseRecord, engine: EngineMount): Promise<LeaseRecord> {
    const next = { ...lease, engine };
    await this.means.store.commit((changes) => changes.putLease(next));
    return next;
  }

  private async end(lease: LeaseRecord, why: string): Promise<void> {
    await this.means.takingAway.unmount(lease);
    this.means.hostMounts.removeMountPoint(lease.target);
    this.means.journal.emit(lease, 'lease.released', why);
  }
}

export const justAsked = (): EngineMount => ({ asked: new Date().toISOString(), seen: false });
