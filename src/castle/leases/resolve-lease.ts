import { errorMessage } from '../../terminal/failure.ts';
import type { MountInspector } from '../mounting/mount-inspector.ts';
import type { MountHungError } from '../mounting/mounter.ts';
import type { RefusalError } from '../refusals/refusal.ts';
import type { OneAtATime } from '../store/keyed-mutex.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import type { ContainerWatch } from './container-watch.ts';
import type { HoldProcess } from './held-process.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import * as refusals from './refusals.ts';

/** What it works with; all of it is the ledger's. */
export interface TruthMeans {
  readonly store: Store;
  readonly hold: HoldProcess;
  readonly journal: LeaseRecorder;
  readonly watched: ContainerWatch;
  readonly sight: MountInspector;
  readonly perVolume: OneAtATime;
}

/** Finds out what is true of a lease of which the store may say something else. */
export class LeaseResolver {
  /** Leases for which a castle-mount hangs: until it has ended, nobody can say what becomes of them. */
  private readonly hanging = new Set<string>();

  constructor(private readonly means: TruthMeans) {}

  /** At start: a lease from the store is watched again, brought to what is true, or ended. */
  async takeUp(lease: LeaseRecord): Promise<void> {
    const held = this.means.hold(lease.first);
    if (held === undefined) {
      await this.means.watched.end(lease, 'its container ended while the castle was away');
      return;
    }
    this.means.watched.watch(lease, held);
    await this.tryBringUpToDate(lease);
  }

  /**
   * Later: a lease of which the castle believes to know everything is looked at once more.
   * @returns whether something was put right
   */
  async lookAgain(lease: LeaseRecord): Promise<boolean> {
    const { hold, watched, store } = this.means;
    if (this.hanging.has(lease.id)) return false;
    if (watched.living(lease.id) === undefined) {
      // It could not be ended in the store before, or was never watched.
      const held = hold(lease.first);
      if (held === undefined) {
        await watched.end(lease, 'its container has ended');
        return store.lease(lease.id) === undefined;
      }
      watched.letGo(lease.id);
      watched.watch(lease, held);
    }
    await this.tryBringUpToDate(lease, (now) => now !== lease);
    const { state, mountId } = store.lease(lease.id) ?? {};
    return state !== lease.state || mountId !== lease.mountId;
  }

  /** Whether a castle-mount hangs for that lease. */
  isHanging(id: string): boolean {
    return this.hanging.has(id);
  }

  /** @throws RefusalError busy while a castle-mount hangs for that lease */
  checkNothingHangs({ id, volume, target }: LeaseRecord): void {
    if (this.hanging.has(id)) throw refusals.hangs(volume, target);
  }

  /**
   * The lease stays as it is, and keeps the volume, until castle-mount has ended and what it did can be seen.
   * @returns what to answer
   */
  leaveHanging(lease: LeaseRecord, { gone }: MountHungError): RefusalError {
    const { store, journal, perVolume } = this.means;
    this.hanging.add(lease.id);
    journal.emit(lease, 'lease.hung', `castle-mount hangs on ${lease.target}`);
    void gone.then(() =>
      perVolume.run(lease.volume, async () => {
        this.hanging.delete(lease.id);
        const now = store.lease(lease.id);
        if (now !== undefined) await this.tryBringUpToDate(now);
      }),
    );
    return refusals.hangs(lease.volume, lease.target);
  }

  /** @param isNews whether people are to be told of a lease that is as it should be */
  private async tryBringUpToDate(
    lease: LeaseRecord,
    isNews: (now: LeaseRecord) => boolean = () => true,
  ): Promise<void> {
    try {
      await this.bringUpToDate(lease, isNews);
    } catch (thrown) {
      this.means.journal.emit(
        lease,
        'lease.unresolved',
        `its mount cannot be looked at, the lease stays: ${errorMessage(thrown)}`,
      );
    }
  }

  private async bringUpToDate(lease: LeaseRecord, isNews: (now: LeaseRecord) => boolean): Promise<void> {
    const { journal, sight, watched } = this.means;
    const there = await sight.whereaboutsOf(lease);
    switch (there.kind) {
      case 'onTarget':
        if (isNews(await journal.seen(lease, there.mount.id)))
          journal.emit(lease, 'lease.adopted', 'still mounted, watching its container again');
        return;
      case 'elsewhere':
        if (isNews(await journal.seen(lease, there.use.mount.id))) {
          const where = `still mounted, but on ${there.use.mount.point} or hidden`;
          journal.emit(lease, 'lease.adopted', `${where}, watching its container again`);
        }
        return;
      case 'unknown':
        throw refusals.unreadableMounts(lease.containerName);
      case 'gone':
        await watched.end(lease, 'its mount is not there');
    }
  }
}
