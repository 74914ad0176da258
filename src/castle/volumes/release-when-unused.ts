import { errorMessage } from '../../terminal/failure.ts';
import type { Backend, HostHold } from '../backends/backend.ts';
import type { EmitEvent } from '../events/event.ts';
import { repeatTask } from '../scheduling/repeat-task.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import type { MountInspector } from './mount-inspector.ts';

/** The delay before a failed release is retried, in milliseconds. */
const retryAfterMs = 10_000;

export interface UnusedVolumeReleaseDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly volumeLock: KeyedMutex;
  readonly inspector: MountInspector;
  readonly emit: EmitEvent;
}

/**
 * Releases volumes that have no lease and no mount on this host. The backend then detaches the volume's device or removes this
 * host's claim, so that another host can use the volume. A failed release is retried until it succeeds, because another host
 * may wait for the volume.
 */
export class UnusedVolumeRelease {
  /** Volumes whose release has failed. */
  private readonly pending = new Set<string>();
  private readonly retries = repeatTask(
    async () => {
      for (const volume of this.pending) this.startRelease(volume, false);
      return undefined;
    },
    { failed: () => undefined },
  );
  private closed = false;

  constructor(private readonly deps: UnusedVolumeReleaseDeps) {}

  /** Starts the release after a lease on the volume has ended. */
  leaseEnded(volume: string): void {
    this.startRelease(volume, true);
  }

  /** Starts the release of a volume at the start of the castle: an earlier castle may not have released it. A failure is not reported. */
  foundAtStart(volume: string): void {
    this.startRelease(volume, false);
  }

  /** Stops the retries. The next start of the castle tries again. */
  close(): void {
    this.closed = true;
    void this.retries.stop();
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
      this.retries.runIn(retryAfterMs);
    }
  }
}
