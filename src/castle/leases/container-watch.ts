import { errorMessage } from '../../terminal/failure.ts';
import type { HeldProcess } from '../mounting/held-process.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import type { Container } from '../runtimes/runtime.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import type { LeaseRecorder } from './lease-recorder.ts';

/**
 * Watches the containers that have leases. The castle holds each container's first process with a pidfd; when that
 * process ends, the lease ends.
 */
export class ContainerWatch {
  /** The first process of each watched container, by lease id. */
  private readonly held = new Map<string, HeldProcess>();

  constructor(
    private readonly store: Store,
    private readonly recorder: LeaseRecorder,
    private readonly volumeLock: KeyedMutex,
    private readonly hostMounts: HostMounts,
  ) {}

  /** Ends the lease when the process ends. The watch takes ownership of `held` and closes it. */
  watch(lease: LeaseRecord, held: HeldProcess): void {
    this.held.set(lease.id, held);
    held.onEnd(() => {
      void this.volumeLock.run(lease.volume, async () => {
        const now = this.store.lease(lease.id);
        if (now !== undefined) await this.end(now, 'its container has ended');
      });
    });
  }

  /** Returns the first process of a lease's container; undefined when the process has ended or is not watched. */
  living(id: string): HeldProcess | undefined {
    const held = this.held.get(id);
    return held?.isAlive() === true ? held : undefined;
  }

  /**
   * Ends a lease whose container has ended or whose mount no longer exists, so nothing has to be unmounted. A failure is
   * reported and not thrown: the lease stays in the store, and the next request or start ends it.
   * @param reason the end of the event's message, after "lease ended:"
   */
  async end(lease: LeaseRecord, reason: string): Promise<void> {
    this.unwatch(lease.id);
    try {
      await this.recorder.advance(lease, 'containerEnded');
      if (lease.engine !== undefined) this.hostMounts.removeMountPoint(lease.target);
      this.recorder.emit(lease, 'lease.ended', `lease ended: ${reason}`);
    } catch (thrown) {
      this.recorder.emit(
        lease,
        'lease.unresolved',
        `the end of the lease could not be written to the store: ${errorMessage(thrown)}`,
      );
    }
  }

  /**
   * Handles a report, for example of the engine, that containers have ended. The report alone ends no lease: a lease ends
   * only if the pidfd shows that the container's first process has ended.
   * @param isReported selects the leases of the reported containers
   * @returns the leases whose containers still run
   */
  async endReported(isReported: (lease: LeaseRecord) => boolean): Promise<readonly LeaseRecord[]> {
    const running: LeaseRecord[] = [];
    for (const { volume, id } of this.store.leases().filter(isReported)) {
      await this.volumeLock.run(volume, async () => {
        const now = this.store.lease(id);
        if (now === undefined) return;
        if (this.living(id) !== undefined) running.push(now);
        else await this.end(now, 'its container has ended');
      });
    }
    return running;
  }

  unwatch(id: string): void {
    this.held.get(id)?.close();
    this.held.delete(id);
  }

  /** Stops watching all containers. Their leases and mounts stay. */
  close(): void {
    for (const held of this.held.values()) held.close();
    this.held.clear();
  }
}

/** Whether a lease belongs to this run of a container. A restarted container has the same id but another first process. */
export function isSameContainer(lease: LeaseRecord, container: Container): boolean {
  return (
    lease.container === container.id &&
    lease.first.pid === container.first.pid &&
    lease.first.startTicks === container.first.startTicks
  );
}
