import type { Backend } from '../backends/backend.ts';
import type { Store } from '../store/store.ts';
import type { Collector } from './collector.ts';

/** Unfinished volumes and snapshots, and idle devices of the backend. */
export function backendGarbage(store: Store, backend: Backend): Collector {
  return {
    name: 'strays of the backend',
    find() {
      const atBegin = knownIds(store);
      // Read again only for an id that is not among them: it may be that of a volume that was made meanwhile.
      return backend.findGarbage((id) => atBegin.has(id) || knownIds(store).has(id));
    },
  };
}

function knownIds(store: Store): ReadonlySet<string | undefined> {
  return new Set([
    ...store.volumes().map(({ id }) => id),
    ...store.snapshots().map(({ id }) => id),
    ...store.trash().flatMap(({ id, volumeId }) => [id, volumeId]),
  ]);
}
