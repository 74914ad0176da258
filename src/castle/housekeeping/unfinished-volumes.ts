import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import type { Collector } from './collector.ts';

/** Volumes that were begun, and whose end could not be written down. */
export function unfinishedVolumes(
  store: Store,
  backendName: string,
  volumeLock: KeyedMutex,
  catalog: VolumeCatalog,
): Collector {
  const isHalfMade = (name: string): boolean => store.volume(name)?.state === 'creating';
  return {
    name: 'half-made volumes',
    async find() {
      const found = [];
      for (const { name, state, backend } of store.volumes()) {
        if (backend !== backendName) continue; // another backend's, of which nothing can be seen
        // One that is just being made is done when its turn is over.
        if (state !== 'creating' || !(await volumeLock.run(name, async () => isHalfMade(name)))) continue;
        found.push({
          kind: 'volume' as const,
          name,
          reason: 'it was begun, and nobody is making it any more',
          remove: () =>
            volumeLock.run(name, async () => {
              if (isHalfMade(name)) await catalog.settle(name);
              return !isHalfMade(name);
            }),
        });
      }
      return found;
    },
  };
}
