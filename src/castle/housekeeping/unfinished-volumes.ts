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
  const isUnfinished = (name: string): boolean => store.volume(name)?.state === 'creating';
  return {
    name: 'unfinished volumes',
    async find() {
      const found = [];
      for (const { name, state, backend } of store.volumes()) {
        if (backend !== backendName) continue; // volumes of another backend cannot be examined
        // A volume whose creation is in progress holds the lock, and is complete when the lock is free.
        if (state !== 'creating' || !(await volumeLock.run(name, async () => isUnfinished(name)))) continue;
        found.push({
          kind: 'volume' as const,
          name,
          reason: 'its creation began and did not finish',
          remove: () =>
            volumeLock.run(name, async () => {
              if (isUnfinished(name)) await catalog.settle(name);
              return !isUnfinished(name);
            }),
        });
      }
      return found;
    },
  };
}
