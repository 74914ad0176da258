import type { Backend } from '../backends/backend.ts';
import type { Store } from '../store/store.ts';
import type { Collector } from './collector.ts';

/** Unfinished volumes and snapshots, and idle devices of the backend. */
export function backendGarbage(store: Store, backend: Backend): Collector {
  return {
    name: 'garbage of the backend',
    find() {
      const atBegin = knownIds(store);
      // Read the store again only for an unknown id: it may belong to a volume that was created in the meantime.
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
