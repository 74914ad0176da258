import { errorMessage } from '../../terminal/failure.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Store } from './store.ts';

/** How long a failed commit counts, in milliseconds: perhaps nobody needs another one. */
const countsMs = 60_000;

/** A store that remembers whether its last commit succeeded. */
export interface MonitoredStore extends Store {
  /**
   * Whether the castle can do its work: its state can be read, and nothing within the last minute that had to be
   * written could not be. The engine doesn't count: a castle without it serves who has storage already, and starting the castle again helps nobody.
   * @throws RefusalError backend_failed
   */
  checkHealth(): void;
}

export function monitoredStore(store: Store): MonitoredStore {
  let fault: { readonly refused: RefusalError; readonly at: number } | undefined;
  return {
    ...store,
    async commit(make) {
      try {
        await store.commit(make);
        fault = undefined;
      } catch (thrown) {
        if (thrown instanceof RefusalError) fault = { refused: thrown, at: performance.now() };
        throw thrown;
      }
    },
    checkHealth() {
      if (fault !== undefined && performance.now() - fault.at < countsMs) throw fault.refused;
      try {
        store.volume('any');
      } catch (thrown) {
        throw new RefusalError(
          'backend_failed',
          `the castle's state cannot be read: ${errorMessage(thrown)}`,
          'see its log',
        );
      }
    },
  };
}
