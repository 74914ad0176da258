import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import type { Collector } from './collector.ts';

/** Finds volumes whose creation was begun and whose result could not be written to the store. */
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
        if (backend !== backendName) continue; // volumes of another backend cannot be examined
        // A volume whose creation is in progress holds the lock, and is complete when the lock is free.
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
