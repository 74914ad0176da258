import { errorMessage } from '../../terminal/failure.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Store } from './store.ts';

/**
 * How long a failed commit makes the store unhealthy, in milliseconds. It expires, because there may be no later commit that
 * could succeed.
 */
const countsMs = 60_000;

/** A store that remembers whether its last commit succeeded. */
export interface MonitoredStore extends Store {
  /**
   * Checks that the castle can work: its state is readable, and no commit of the last minute failed. The container engine is
   * not checked: without it the castle still serves existing leases, and a restart of the castle would not help.
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
          'see the log of the castle',
        );
      }
    },
  };
}
