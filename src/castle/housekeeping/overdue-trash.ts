import type { VolumeAdministration } from '../volumes/volume-administration.ts';
import type { Collector } from './collector.ts';

/** Finds deleted volumes whose retention is over, and records of deleted volumes that are missing in the trash. */
export function overdueTrash(
  administration: VolumeAdministration,
  backendName: string,
  keepMs: number,
): Collector {
  return {
    name: 'deleted volumes',
    async find() {
      const found = [];
      for (const { id, volume, deleted, backend } of administration.list()) {
        if (backend !== backendName) continue; // the trash of another backend cannot be read
        const isGone = await administration.isMissing(id);
        if (!isGone && Date.parse(deleted) + keepMs > Date.now()) continue;
        found.push({
          kind: 'volume' as const,
          name: `${volume} (${id})`,
          reason: isGone
            ? 'it was deleted, and is missing from the trash'
            : `it was deleted on ${deleted}, and its retention is over`,
          remove: () => (isGone ? administration.removeMissingRecord(id) : administration.purgeOne(id)),
        });
      }
      return found;
    },
  };
}
