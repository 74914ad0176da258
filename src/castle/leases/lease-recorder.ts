import type { Lease } from '../../protocol/contract.ts';
import type { EmitEvent, EventName } from '../events/event.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store/store.ts';
import { afterVolume } from '../volumes/volume-states.ts';
import { after, type LeaseEvent } from './lease-states.ts';

/** Writes down what becomes of leases, and tells of it. */
export class LeaseRecorder {
  constructor(
    private readonly store: Store,
    private readonly tell: EmitEvent,
    /** Called when a lease on that volume has ended. */
    private readonly ended: (volume: string) => void,
  ) {}

  /** The first entry of a lease; a volume that was just made becomes ready with it, and is used from now on, in one commit. */
  async begin(lease: LeaseRecord, volume: VolumeRecord): Promise<void> {
    await this.store.commit((changes) => {
      const state = afterVolume(volume.state, 'made');
      if (state !== 'none') changes.putVolume({ ...volume, state, used: lease.since });
      changes.putLease(lease);
    });
  }

  /**
   * Writes the state that follows from an event.
   * @returns the lease as it is then; an ended one is taken out
   * @throws RefusalError backend_failed when it can't be written; Error when the event can't happen
   */
  async advance(
    lease: LeaseRecord,
    event: LeaseEvent,
    changed?: { readonly mountId: number },
  ): Promise<LeaseRecord> {
    const state = after(lease.state, event);
    if (state === 'ended') {
      await this.store.commit((changes) => changes.removeLease(lease.id));
      this.ended(lease.volume);
      return lease;
    }
    const next = { ...lease, ...changed, state };
    await this.store.commit((changes) => changes.putLease(next));
    return next;
  }

  /** Records that a mount is there, whatever was known of it before. */
  async seen(lease: LeaseRecord, mountId: number): Promise<LeaseRecord> {
    if (lease.state === 'mounted' && lease.mountId === mountId) return lease;
    return this.advance(lease, 'mounted', { mountId });
  }

  /** @param what ends the sentence that names the volume and the container */
  emit(lease: LeaseRecord, event: EventName, what: string): void {
    const { id, volume, container, containerName, target, mountId } = lease;
    this.tell(`volume ${volume}, container ${containerName}: ${what}`, {
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

/** A lease as everybody may see it. */
export function toLease({ first: _, engine: _engine, ...lease }: LeaseRecord): Lease {
  return lease;
}
