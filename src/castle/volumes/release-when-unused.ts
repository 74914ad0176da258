import { errorMessage } from '../../terminal/failure.ts';
import type { Backend, HostHold } from '../backends/backend.ts';
import type { KnownVolume } from '../backends/volume.ts';
import type { EmitEvent } from '../events/event.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import type { OneAtATime } from '../store/keyed-mutex.ts';

/** How soon what could not be given back is tried again, in milliseconds. */
const againAfterMs = 10_000;

/** What it works with; the lock and the looks are the ledger's. */
interface Means {
  readonly backend: Backend;
  readonly perVolume: OneAtATime;
  readonly isLeased: (volume: string) => boolean;
  readonly known: (volume: string) => KnownVolume;
  readonly usesOf: (volume: string) => Promise<readonly VolumeMount[]>;
  readonly emit: EmitEvent;
}

/**
 * Tells the backend when nobody on this host has a volume any more: by no lease, and in no mount namespace. What cannot be
 * looked at or given back is tried again until it can be, since other hosts may wait for it.
 */
export class UnusedVolumeRelease {
  private readonly waiting = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly means: Means) {}

  /** A lease on the volume has ended. */
  ended(volume: string): void {
    this.begin(volume, true);
  }

  /** At start, no lease on the volume was found; whether there is anything to give back, the backend knows. */
  unused(volume: string): void {
    this.begin(volume, false);
  }

  private begin(volume: string, tell: boolean): void {
    const { hostHold } = this.means.backend;
    if (hostHold === null || this.closed) return;
    void this.means.perVolume.run(volume, () => this.giveBack(volume, hostHold, tell));
  }

  /** Nothing is tried again; the next castle does. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private async giveBack(volume: string, hostHold: HostHold, tell: boolean): Promise<void> {
    const { isLeased, known, usesOf, emit } = this.means;
    if (isLeased(volume)) {
      this.waiting.delete(volume);
      return;
    }
    try {
      const [use] = await usesOf(volume);
      if (use !== undefined) throw new Error(`it is mounted on ${use.mount.point} of process ${use.pid}`);
      await hostHold.releaseUnused(known(volume));
      this.waiting.delete(volume);
    } catch (thrown) {
      if (tell && !this.waiting.has(volume)) {
        emit(`volume ${volume} could not be given back yet: ${errorMessage(thrown)}`, {
          event: 'volume.unresolved',
          volume,
        });
      }
      this.waiting.add(volume);
      this.tryAgainLater();
    }
  }

  private tryAgainLater(): void {
    if (this.closed || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      for (const volume of this.waiting) this.begin(volume, false);
    }, againAfterMs).unref();
  }
}
