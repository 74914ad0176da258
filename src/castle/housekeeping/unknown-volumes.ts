import type { Backend } from '../backends/backend.ts';
import type { Store } from '../store/store.ts';
import { type Collector, leaveAlone } from './collector.ts';

/**
 * Finds volumes in the backend without a record in the store. They are never removed, because they may be data that an operator
 * copied there, or the store may have been lost.
 */
export function unknownVolumes(store: Store, backend: Backend): Collector {
  return {
    name: 'volumes that the state does not know',
    async find() {
      const there = await backend.listVolumes();
      return there
        .filter(({ name }) => store.volume(name) === undefined)
        .map(({ name }) => ({
          kind: 'volume',
          name,
          reason: `it lies in the ${backend.description}, and the state does not know it`,
          byHand: `castle volume create ${name} takes it in as it is; or move it away`,
          remove: leaveAlone,
        }));
    },
  };
}
