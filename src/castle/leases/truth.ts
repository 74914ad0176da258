import { errorMessage } from '../../failure.ts';
import type { Hangs } from '../mount.ts';
import type { Refused } from '../refused.ts';
import type { LeaseRecord, Store } from '../store.ts';
import type { Hold } from './containers.ts';
import type { Journal } from './journal.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import * as refusals from './refusals.ts';
import type { Sight } from './sight.ts';
import type { Watched } from './watched.ts';

/** What it works with; all of it is the ledger's. */
export interface TruthMeans {
  readonly store: Store;
  readonly hold: Hold;
  readonly journal: Journal;
  readonly watched: Watched;
  readonly sight: Sight;
  readonly perVolume: OneAtATime;
}

/** Finds out what is true of a lease of which the store may say something else. */
export class Truth {
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

  /** @throws Refused busy while a castle-mount hangs for that lease */
  checkNothingHangs({ id, volume, target }: LeaseRecord): void {
    if (this.hanging.has(id)) throw refusals.hangs(volume, target);
  }

  /**
   * The lease stays as it is, and keeps the volume, until castle-mount has ended and what it did can be seen.
   * @returns what to answer
   */
  leaveHanging(lease: LeaseRecord, { gone }: Hangs): Refused {
    const { store, journal, perVolume } = this.means;
    this.hanging.add(lease.id);
    journal.say(lease, 'lease.hangs', `castle-mount hangs on ${lease.target}`);
    void gone.then(() =>
      perVolume.run(lease.volume, async () => {
        this.hanging.delete(lease.id);
        const now = store.lease(lease.id);
        if (now !== undefined) await this.tryBringUpToDate(now);
      }),
    );
    return refusals.hangs(lease.volume, lease.target);
  }

  private async tryBringUpToDate(lease: LeaseRecord): Promise<void> {
    try {
      await this.bringUpToDate(lease);
    } catch (thrown) {
      this.means.journal.say(
        lease,
        'lease.unclear',
        `its mount cannot be looked at, the lease stays: ${errorMessage(thrown)}`,
      );
    }
  }

  private async bringUpToDate(lease: LeaseRecord): Promise<void> {
    const { journal, sight, watched } = this.means;
    const there = await sight.whereaboutsOf(lease);
    switch (there.kind) {
      case 'onTarget':
        await journal.seen(lease, there.mount.id);
        journal.say(lease, 'lease.found', 'still mounted, watching its container again');
        return;
      case 'elsewhere':
        await journal.seen(lease, there.use.mount.id);
        journal.say(
          lease,
          'lease.found',
          `still mounted, but on ${there.use.mount.point} or hidden, watching its container again`,
        );
        return;
      case 'unknown':
        throw refusals.unreadableMounts(lease.containerName);
      case 'gone':
        await watched.end(lease, 'its mount is not there');
    }
  }
}
