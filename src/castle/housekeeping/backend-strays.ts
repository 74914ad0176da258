import type { Backend } from '../backends/backend.ts';
import type { Store } from '../store/store.ts';
import type { Collector } from './collector.ts';

/** What interrupted work left behind in the backend's folder. */
export function unfinishedWork(backend: Backend): Collector {
  return { name: 'unfinished work of the backend', find: async () => (await backend.unfinished?.()) ?? [] };
}

/** What the backend made, knows to be the castle's, and finds nobody for: snapshots, volumes in a cloud. */
export function backendStrays(store: Store, backend: Backend): Collector {
  return {
    name: 'strays of the backend',
    find: async () => (await backend.strays?.((id) => knownIds(store).has(id))) ?? [],
  };
}

function knownIds(store: Store): ReadonlySet<string | undefined> {
  return new Set([
    ...store.volumes().map(({ id }) => id),
    ...store.snapshots().map(({ id }) => id),
    ...store.trash().flatMap(({ id, volumeId }) => [id, volumeId]),
  ]);
}
