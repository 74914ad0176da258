import type { Backend } from '../backends/backend.ts';
import type { Store } from '../store/store.ts';
import type { Collector } from './collector.ts';

/** Unfinished volumes and snapshots, and idle devices of the backend. */
export function backendGarbage(store: Store, backend: Backend): Collector {
  return {
    name: 'strays of the backend',
    find: () => backend.findGarbage((id) => knownIds(store).has(id)),
  };
}

function knownIds(store: Store): ReadonlySet<string | undefined> {
  return new Set([
    ...store.volumes().map(({ id }) => id),
    ...store.snapshots().map(({ id }) => id),
    ...store.trash().flatMap(({ id, volumeId }) => [id, volumeId]),
  ]);
}
