import type { Garbage } from '../garbage/garbage.ts';
import { unfinishedSnapshotPath, unfinishedSnapshots } from './snapshot-names.ts';

/**
 * Finds what interrupted snapshots and removals left without a record, for example after the state was lost.
 * @param base the folder of the volumes
 * @param isKnown whether the store has a snapshot with this id; such a snapshot is completed or removed at start
 * @param remove removes the files of the snapshot with this id
 */
export async function findSnapshotGarbage(
  base: string,
  isKnown: (id: string) => boolean,
  remove: (id: string) => Promise<void>,
): Promise<readonly Garbage[]> {
  const left = (await unfinishedSnapshots(base)).filter((id) => !isKnown(id));
  return left.map((id) => ({
    kind: 'snapshot',
    name: unfinishedSnapshotPath(base, id),
    reason: 'it is incomplete and has no record',
    async remove() {
      // The id may belong to a new snapshot whose record was written after the search.
      if (isKnown(id) || !(await unfinishedSnapshots(base)).includes(id)) return false;
      await remove(id);
      return true;
    },
  }));
}
