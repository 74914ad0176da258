import type { Backend } from '../backends/backend.ts';
import type { Store } from '../store/store.ts';
import { type Collector, removeNothing } from './collector.ts';

/**
 * Finds volumes in the backend without a record in the store. They are never removed, because they may be data that an operator
 * copied there, or the store may have been lost.
 */
export function unknownVolumes(store: Store, backend: Backend): Collector {
  return {
    name: 'volumes without a record',
    async find() {
      const there = await backend.listVolumes();
      return there
        .filter(({ name }) => store.volume(name) === undefined)
        .map(({ name }) => ({
          kind: 'volume',
          name,
          reason: `it is in the ${backend.description}, and the store has no record of it`,
          operatorRemedy: `to adopt it with its content, run: castle volume create ${name}; otherwise move it away`,
          remove: removeNothing,
        }));
    },
  };
}
