import { errorMessage } from '../../terminal/failure.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import type { OneAtATime } from '../store/keyed-mutex.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import type { HeldProcess } from './held-process.ts';
import type { LeaseRecorder } from './lease-recorder.ts';

/** The containers that have leases, each held by its first process: when that ends, so does the lease. */
export class ContainerWatch {
  private readonly held = new Map<string, HeldProcess>();

  constructor(
    private readonly store: Store,
    private readonly journal: LeaseRecorder,
    private readonly perVolume: OneAtATime,
    private readonly hostMounts: HostMounts,
  ) {}

  /** From now on the lease ends with its container. */
  watch(lease: LeaseRecord, held: HeldProcess): void {
    this.held.set(lease.id, held);
    held.onEnd(() => {
      void this.perVolume.run(lease.volume, async () => {
        const now = this.store.lease(lease.id);
        if (now !== undefined) await this.end(now, 'its container has ended');
      });
    });
  }

  /** The container of a lease, while it lives. */
  living(id: string): HeldProcess | undefined {
    const held = this.held.get(id);
    return held?.isAlive() === true ? held : undefined;
  }

  /** Whether a lease's container is held by that very descriptor. */
  has(id: string, held: HeldProcess): boolean {
    return this.held.get(id) === held;
  }

  /** The container has ended, or what the lease stands for is gone. @param why ends the sentence "lease ended:" */
  async end(lease: LeaseRecord, why: string): Promise<void> {
    this.letGo(lease.id);
    try {
      await this.journal.advance(lease, 'containerEnded');
      if (lease.engine !== undefined) this.hostMounts.removeMountPoint(lease.target);
      this.journal.emit(lease, 'lease.ended', `lease ended: ${why}`);
    } catch (thrown) {
      // The store is full or broken: the lease stays in it, and the next request or start ends it.
      this.journal.emit(
        lease,
        'lease.unresolved',
        `lease could not be ended in the store: ${errorMessage(thrown)}`,
      );
    }
  }

  letGo(id: string): void {
    this.held.get(id)?.close();
    this.held.delete(id);
  }

  /** Lets go of all containers; their leases stay. */
  close(): void {
    for (const held of this.held.values()) held.close();
    this.held.clear();
  }
}
