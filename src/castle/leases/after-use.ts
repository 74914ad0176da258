import { errorMessage } from '../../failure.ts';
import type { Backend } from '../backends/backend.ts';
import type { Say } from '../chronicle/happening.ts';
import type { Store } from '../store.ts';
import type { OneAtATime } from './one-at-a-time.ts';

/** What it works with; the lock is the ledger's. */
export interface AfterUseMeans {
  readonly store: Store;
  readonly backend: Backend;
  readonly perVolume: OneAtATime;
  readonly say: Say;
}

/** Tells the backend when a volume's last lease has ended, so that it can give back what it held for it on this host. */
export class AfterUse {
  constructor(private readonly means: AfterUseMeans) {}

  /** A lease has ended. What is done about it comes before the next operation on its volume, and nobody waits for it. */
  over(volume: string): void {
    if (this.means.backend.afterUse !== undefined) void this.giveBack(volume);
  }

  /** After a start: what an earlier castle could not give back any more. */
  overForAll(): void {
    const { store } = this.means;
    const used = new Set(store.leases().map(({ volume }) => volume));
    for (const { name } of store.volumes()) if (!used.has(name)) this.over(name);
  }

  private giveBack(name: string): Promise<void> {
    const { store, backend, perVolume, say } = this.means;
    return perVolume.run(name, async () => {
      const volume = store.volume(name);
      const isUsed = store.leases().some((lease) => lease.volume === name);
      // One that was taken back with its lease has nothing to give.
      if (volume === undefined || volume.backend !== backend.name || isUsed) return;
      try {
        await backend.afterUse?.(volume);
      } catch (thrown) {
        say(`what this host holds of volume ${name} could not be given back: ${errorMessage(thrown)}`, {
          event: 'device.busy',
          volume: name,
        });
      }
    });
  }
}
