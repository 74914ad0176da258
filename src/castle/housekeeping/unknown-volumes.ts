import type { Backend } from '../backends/backend.ts';
import type { Store } from '../store/store.ts';
import { type Collector, leaveAlone } from './collector.ts';

/**
 * Folders and images without a record in the store. They may be data that was copied here, or the store may have been lost:
 * they are never removed.
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
