import { isStillThere, type ProcessIdentity, readStatus } from '../../linux/proc.ts';
import type { ContainerWatch } from '../leases/container-watch.ts';
import type { Store } from '../store/store.ts';
import type { Collector } from './collector.ts';

/** Finds leases of containers that have ended. Such leases remain when the store cannot be written, for example on a full disk. */
export function endedLeases(store: Store, watch: ContainerWatch): Collector {
  return {
    name: 'leases without a container',
    find: async () =>
      store
        .leases()
        .filter(({ engine, first }) => engine === undefined && hasEnded(first))
        .map(({ id, volume, containerName }) => ({
          kind: 'lease',
          name: id,
          reason: `container ${containerName}, which had volume ${volume}, has ended`,
          async remove() {
            await watch.endReported((lease) => lease.id === id);
            return store.lease(id) === undefined;
          },
        })),
  };
}

/** Whether a process has ended, also if it is a zombie. A process whose first thread has ended while other threads run has not ended. */
function hasEnded(first: ProcessIdentity): boolean {
  if (!isStillThere(first)) return true;
  try {
    const status = readStatus(first.pid);
    return status.get('State')?.startsWith('Z') === true && status.get('Threads') === '1';
  } catch {
    return !isStillThere(first);
  }
}
