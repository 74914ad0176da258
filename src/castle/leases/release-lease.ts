import type { MountInspector } from '../mounting/mount-inspector.ts';
import { type Mounter, MountHungError } from '../mounting/mounter.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { LeaseRecord } from '../store/store.ts';
import type { ContainerWatch } from './container-watch.ts';
import { type HeldProcess, withMountNamespace } from './held-process.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import * as refusals from './refusals.ts';
import type { LeaseResolver } from './resolve-lease.ts';

/** What it works with; all of it is the ledger's. */
export interface TakingAwayMeans {
  readonly mounter: Mounter;
  readonly journal: LeaseRecorder;
  readonly watched: ContainerWatch;
  readonly sight: MountInspector;
  readonly truth: LeaseResolver;
}

/** Ends leases whose containers live on. */
export class LeaseReleaser {
  constructor(private readonly means: TakingAwayMeans) {}

  /**
   * Takes the mount away and ends the lease.
   * @throws RefusalError busy and backend_failed, and then the lease is as it was
   */
  async unmount(lease: LeaseRecord): Promise<void> {
    const { journal, watched, truth } = this.means;
    const held = watched.living(lease.id);
    const releasing = await journal.advance(lease, 'release');
    try {
      if (held !== undefined) await this.takeAway(lease, held);
    } catch (thrown) {
      if (thrown instanceof MountHungError) throw truth.leaveHanging(releasing, thrown);
      await journal.advance(releasing, 'releaseFailed');
      throw thrown;
    }
    watched.letGo(lease.id);
    await journal.advance(releasing, 'released');
  }

  /** Unmounts, and makes sure that the container has the volume nowhere any more. */
  private async takeAway(lease: LeaseRecord, held: HeldProcess): Promise<void> {
    const { mounter, sight } = this.means;
    try {
      await withMountNamespace(held, (from) => mounter.unmount(from, lease.target, lease.mountId));
    } catch (thrown) {
      if (!(thrown instanceof RefusalError && thrown.code === 'not_found')) throw thrown;
    }
    const there = await sight.whereaboutsOf(lease);
    if (!held.isAlive()) return;
    if (there.kind === 'unknown') throw refusals.unreadableMounts(lease.containerName);
    if (there.kind === 'onTarget') throw refusals.hidden(lease.volume, there.mount.point);
    if (there.kind === 'elsewhere') throw refusals.hidden(lease.volume, there.use.mount.point);
  }
}
