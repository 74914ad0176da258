import { errorMessage } from '../../failure.ts';
import type { Backend } from '../backends/backend.ts';
import type { Say } from '../chronicle/happening.ts';
import type { Store } from '../store.ts';
import type { OneAtATime } from './one-at-a-time.ts';

/** Tells the backend when nobody has a volume any more, if that is of interest to it. */
export class AfterUse {
  constructor(
    private readonly store: Store,
    private readonly backend: Backend,
    private readonly perVolume: OneAtATime,
    private readonly say: Say,
  ) {}

  /** A lease has ended: behind what is under way with its volume, we look whether it was the last one. */
  ended(volume: string): void {
    if (this.backend.afterUse === undefined) return;
    void this.perVolume.run(volume, () => this.settle(volume));
  }

  /** At start: a castle that was killed may not have told of the end. */
  async settleAll(): Promise<void> {
    if (this.backend.afterUse === undefined) return;
    for (const { name } of this.store.volumes()) await this.perVolume.run(name, () => this.settle(name));
  }

  private async settle(name: string): Promise<void> {
    const volume = this.store.volume(name);
    if (volume === undefined || volume.backend !== this.backend.name) return;
    if (this.store.leases().some((lease) => lease.volume === name)) return;
    try {
      await this.backend.afterUse?.(volume);
    } catch (thrown) {
      this.say(`volume ${name} could not be let go of by this host: ${errorMessage(thrown)}`, {
        event: 'volume.unclear',
        volume: name,
      });
    }
  }
}
