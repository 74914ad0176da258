import { errorMessage } from '../../terminal/failure.ts';
import type { HoldProcess } from '../mounting/held-process.ts';
import type { MountHungError } from '../mounting/mounter.ts';
import type { RefusalError } from '../refusals/refusal.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import type { MountInspector } from '../volumes/mount-inspector.ts';
import type { ContainerWatch } from './container-watch.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import * as refusals from './refusals.ts';

export interface LeaseResolverDeps {
  readonly store: Store;
  readonly holdProcess: HoldProcess;
  readonly recorder: LeaseRecorder;
  readonly watch: ContainerWatch;
  readonly inspector: MountInspector;
  readonly volumeLock: KeyedMutex;
}

/**
 * Compares leases with the processes and mounts of the host, and corrects the store: at start, after a castle-mount that hung
 * has ended, and in the periodic reconcile. A lease ends only when its container or its mount provably no longer exists. A
 * lease that cannot be examined stays.
 */
export class LeaseResolver {
  /** Ids of the leases for which a castle-mount hangs. Whether their volumes are mounted is unknown until it ends. */
  private readonly hung = new Set<string>();

  constructor(private readonly deps: LeaseResolverDeps) {}

  /** At start, watches the container of a lease again, or ends the lease if the container has ended. */
  async recoverAtStart(lease: LeaseRecord): Promise<void> {
    const { holdProcess, watch } = this.deps;
    const held = holdProcess(lease.first);
    if (held === undefined) {
      await watch.end(lease, 'its container ended while the castle was not running');
      return;
    }
    watch.watch(lease, held);
    await this.updateFromMounts(lease);
  }

  /**
   * Compares a lease with the processes and mounts of the host.
   * @returns whether the store had to be changed
   */
  async reconcile(lease: LeaseRecord): Promise<boolean> {
    const { holdProcess, watch, store } = this.deps;
    if (this.hung.has(lease.id)) return false;
    if (watch.living(lease.id) === undefined) {
      // The end of the lease could not be written to the store earlier, or the container was never watched.
      const held = holdProcess(lease.first);
      if (held === undefined) {
        await watch.end(lease, 'its container has ended');
        return store.lease(lease.id) === undefined;
      }
      watch.unwatch(lease.id);
      watch.watch(lease, held);
    }
    await this.updateFromMounts(lease, (now) => now !== lease);
    const { state, mountId } = store.lease(lease.id) ?? {};
    return state !== lease.state || mountId !== lease.mountId;
  }

  isHung(id: string): boolean {
    return this.hung.has(id);
  }

  /** @throws RefusalError busy while a castle-mount hangs for the lease */
  checkNotHung({ id, volume, target }: LeaseRecord): void {
    if (this.hung.has(id)) throw refusals.mountHung(volume, target);
  }

  /**
   * Keeps a lease, and so the volume, while castle-mount hangs. When castle-mount has ended, updates the lease from the mount
   * tables.
   * @returns the refusal for the request that used castle-mount
   */
  keepHungLease(lease: LeaseRecord, { ended }: MountHungError): RefusalError {
    const { store, recorder, volumeLock } = this.deps;
    this.hung.add(lease.id);
    recorder.emit(lease, 'lease.hung', `castle-mount hangs on ${lease.target}`);
    void ended.then(() =>
      volumeLock.run(lease.volume, async () => {
        this.hung.delete(lease.id);
        const now = store.lease(lease.id);
        if (now !== undefined) await this.updateFromMounts(now);
      }),
    );
    return refusals.mountHung(lease.volume, lease.target);
  }

  /**
   * Updates a lease from the mount tables. A failure is reported, and the lease stays.
   * @param isReported whether to emit lease.adopted when the mount was found; it receives the updated lease
   */
  private async updateFromMounts(
    lease: LeaseRecord,
    isReported: (now: LeaseRecord) => boolean = () => true,
  ): Promise<void> {
    const { recorder, inspector, watch } = this.deps;
    const adopt = async (mountId: number, place: string): Promise<void> => {
      if (isReported(await recorder.recordMount(lease, mountId)))
        recorder.emit(lease, 'lease.adopted', `${place}; the castle watches its container again`);
    };
    try {
      const location = await inspector.locate(lease);
      switch (location.kind) {
        case 'onTarget':
          return await adopt(location.mount.id, 'still mounted');
        case 'elsewhere': {
          const { id, point } = location.found.mount;
          return await adopt(id, `still mounted, but on ${point}, or hidden by another mount`);
        }
        case 'gone':
          return await watch.end(lease, 'its mount is gone');
        case 'unknown':
          throw refusals.unreadableMounts(lease.containerName);
      }
    } catch (thrown) {
      const reason = `its mount cannot be examined, so the lease stays: ${errorMessage(thrown)}`;
      recorder.emit(lease, 'lease.unresolved', reason);
    }
  }
}
