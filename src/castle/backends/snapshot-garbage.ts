import type { Stray } from '../housekeeping/stray.ts';
import { unfinishedSnapshotPath, unfinishedSnapshots } from './snapshot-names.ts';

/**
 * What an interrupted snapshot or removal has left and no record speaks of, as after a lost state.
 * @param base the folder of the volumes
 * @param isKnown whether the store has one with that id: the castle finishes it by itself
 * @param remove removes it, by its id
 */
export async function findSnapshotGarbage(
  base: string,
  isKnown: (id: string) => boolean,
  remove: (id: string) => Promise<void>,
): Promise<readonly Stray[]> {
  const left = (await unfinishedSnapshots(base)).filter((id) => !isKnown(id));
  return left.map((id) => ({
    kind: 'snapshot',
    name: unfinishedSnapshotPath(base, id),
    reason: 'it is not whole, and no record speaks of it',
    async remove() {
      // It may have been begun just when it was found.
      if (isKnown(id) || !(await unfinishedSnapshots(base)).includes(id)) return false;
      await remove(id);
      return true;
    },
  }));
}
