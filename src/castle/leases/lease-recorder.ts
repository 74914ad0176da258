import type { Lease } from '../../protocol/contract.ts';
import type { EmitEvent, EventName } from '../events/event.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store/store.ts';
import type { UnusedVolumeRelease } from '../volumes/release-when-unused.ts';
import { afterVolume } from '../volumes/volume-states.ts';
import { type LeaseEvent, nextLeaseState } from './lease-states.ts';
import type { WaitQueue } from './wait-queue.ts';

/**
 * Writes the state changes of leases to the store, and emits their events. When a lease has ended, wakes the first request that
 * waits for the volume, and starts the release of the volume if no lease and no mount uses it any more.
 */
export class LeaseRecorder {
  constructor(
    private readonly store: Store,
    private readonly queue: WaitQueue,
    private readonly unusedVolumes: UnusedVolumeRelease,
    private readonly emitEvent: EmitEvent,
  ) {}

  /** Writes a new lease. The same commit sets the volume's state to ready, if it was just created, and its time of last use. */
  async begin(lease: LeaseRecord, volume: VolumeRecord): Promise<void> {
    await this.store.commit((changes) => {
      const state = afterVolume(volume.state, 'created');
      if (state !== 'none') changes.putVolume({ ...volume, state, used: lease.since });
      changes.putLease(lease);
    });
  }

  /**
   * Writes the state that follows from an event. A lease that ends is removed from the store.
   * @param changed the fields that change together with the state
   * @returns the lease in its new state; when the lease ended, the unchanged lease
   * @throws RefusalError backend_failed when the store cannot be written; Error when the state table has no such
   *   transition
   */
  async advance(
    lease: LeaseRecord,
    event: LeaseEvent,
    changed?: { readonly mountId: number },
  ): Promise<LeaseRecord> {
    const state = nextLeaseState(lease.state, event);
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

  /** Records the mount of a lease. Writes nothing if the store already has the same mount id. */
  async recordMount(lease: LeaseRecord, mountId: number): Promise<LeaseRecord> {
    if (lease.state === 'mounted' && lease.mountId === mountId) return lease;
    return this.advance(lease, 'mounted', { mountId });
  }

  /** Emits an event about a lease. @param text the end of the message, after the names of the volume and the container */
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

/** Returns a lease in the form of the API, without the fields that only the store has. */
export function toLease({ first: _, engine: _engine, ...lease }: LeaseRecord): Lease {
  return lease;
}
