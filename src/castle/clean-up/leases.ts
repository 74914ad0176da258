import type { Ledger } from '../leases/ledger.ts';
import { isStillThere } from '../proc.ts';
import type { Store } from '../store.ts';
import type { Collector } from './collector.ts';

/** Leases of containers that have ended, which a full state kept from ending with them. */
export function endedLeases(store: Store, ledger: Ledger): Collector {
  return {
    name: 'leases without a container',
    find: async () =>
      store
        .leases()
        .filter(({ engine, first }) => engine === undefined && !isStillThere(first))
        .map(({ id, volume, containerName }) => ({
          kind: 'lease',
          name: id,
          why: `container ${containerName}, which had volume ${volume}, has ended`,
          async remove() {
            await ledger.checkEnded((lease) => lease.id === id);
            return store.lease(id) === undefined;
          },
        })),
  };
}
