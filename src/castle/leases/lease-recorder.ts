import type { Lease } from '../../protocol/contract.ts';
import type { EmitEvent, EventName } from '../events/event.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store/store.ts';
import type { UnusedVolumeRelease } from '../volumes/release-when-unused.ts';
import { afterVolume } from '../volumes/volume-states.ts';
import { after, type LeaseEvent } from './lease-states.ts';
import type { WaitQueue } from './wait-queue.ts';

/**
 * Writes the state changes of leases to the store, and reports them. When a lease has ended, the first request that
 * waits for its volume is woken, and the volume is released if nothing uses it any more.
 */
export class LeaseRecorder {
  constructor(
    private readonly store: Store,
    private readonly queue: WaitQueue,
    private readonly unusedVolumes: UnusedVolumeRelease,
    private readonly emitEvent: EmitEvent,
  ) {}

  /** Writes a new lease. In the same commit a volume that was just created becomes ready, and its last use is set. */
  async begin(lease: LeaseRecord, volume: VolumeRecord): Promise<void> {
    await this.store.commit((changes) => {
      const state = afterVolume(volume.state, 'created');
      if (state !== 'none') changes.putVolume({ ...volume, state, used: lease.since });
      changes.putLease(lease);
    });
  }

  /**
   * Writes the state that follows from an event; a lease that ends is removed from the store.
   * @param changed fields that change with the state
   * @returns the lease in its new state; one that ended is returned unchanged
   * @throws RefusalError backend_failed when the store cannot be written; Error when the state table has no such
   *   transition
   */
  async advance(
    lease: LeaseRecord,
    event: LeaseEvent,
    changed?: { readonly mountId: number },
  ): Promise<LeaseRecord> {
    const state = after(lease.state, event);
    if (state === 'ended') {
      await this.store.commit((changes) => changes.removeLease(lease.id));
      this.queue.wakeFirst(lease.volume);
      this.unusedVolumes.leaseEnded(lease.volume);
      return lease;
    }
    const next = { ...lease, ...changed, state };
    await this.store.commit((changes) => changes.putLease(next));
    return next;
  }

  /** Records that the mount of a lease was found. Writes nothing if the store has it already. */
  async recordMount(lease: LeaseRecord, mountId: number): Promise<LeaseRecord> {
    if (lease.state === 'mounted' && lease.mountId === mountId) return lease;
    return this.advance(lease, 'mounted', { mountId });
  }

  /** Reports something about a lease. @param text follows the names of the volume and the container */
  emit(lease: LeaseRecord, event: EventName, text: string): void {
    const { id, volume, container, containerName, target, mountId } = lease;
    this.emitEvent(`volume ${volume}, container ${containerName}: ${text}`, {
      event,
      volume,
      container,
      containerName,
      lease: id,
      target,
      mountId,
    });
  }
}

/** A lease as the API shows it. */
export function toLease({ first: _, engine: _engine, ...lease }: LeaseRecord): Lease {
  return lease;
}
