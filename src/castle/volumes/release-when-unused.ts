import { errorMessage } from '../../terminal/failure.ts';
import type { Backend, HostHold } from '../backends/backend.ts';
import type { EmitEvent } from '../events/event.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import type { MountInspector } from './mount-inspector.ts';

/** How long after a failure the release is tried again, in milliseconds. */
const retryAfterMs = 10_000;

export interface UnusedVolumeReleaseDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly volumeLock: KeyedMutex;
  readonly inspector: MountInspector;
  readonly emit: EmitEvent;
}

/**
 * Lets the backend release a volume that this host does not use any more: no lease is on it, and it is mounted in no
 * mount namespace. The backend may then detach a device or give up a claim, so that another host can use the volume. A
 * release that fails is tried again until it succeeds, because another host may wait for the volume.
 */
export class UnusedVolumeRelease {
  /** Volumes whose release has failed. */
  private readonly pending = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly deps: UnusedVolumeReleaseDeps) {}

  /** A lease on the volume has ended. */
  leaseEnded(volume: string): void {
    this.startRelease(volume, true);
  }

  /** At start: there may be something to release, which only the backend knows. A failure is not reported. */
  foundAtStart(volume: string): void {
    this.startRelease(volume, false);
  }

  /** Stops the retries; the next castle goes on with them. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private startRelease(volume: string, isReported: boolean): void {
    const { backend, volumeLock } = this.deps;
    const { hostHold } = backend;
    if (hostHold === null || this.closed) return;
    void volumeLock.run(volume, () => this.release(volume, hostHold, isReported));
  }

  private async release(volume: string, hostHold: HostHold, isReported: boolean): Promise<void> {
    const { store, inspector, emit } = this.deps;
    if (store.leasesOn(volume).length > 0) {
      this.pending.delete(volume);
      return;
    }
    try {
      const [found] = await inspector.findMounts(volume);
      if (found !== undefined)
        throw new Error(`it is mounted on ${found.mount.point} in process ${found.pid}`);
      await hostHold.releaseUnused(store.volume(volume) ?? { name: volume });
      this.pending.delete(volume);
    } catch (thrown) {
      if (isReported && !this.pending.has(volume)) {
        emit(
          `volume ${volume} could not be released from this host yet; the castle retries: ${errorMessage(thrown)}`,
          {
            event: 'volume.unresolved',
            volume,
          },
        );
      }
      this.pending.add(volume);
      this.retryLater();
    }
  }

  private retryLater(): void {
    if (this.closed || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      for (const volume of this.pending) this.startRelease(volume, false);
    }, retryAfterMs).unref();
  }
}
