import type { Stray } from '../stray.ts';
import { unfinishedSnapshotPath, unfinishedSnapshots } from './snapshot-names.ts';

/**
 * What an interrupted snapshot or removal has left and no record speaks of, as after a lost state.
 * @param base the folder of the volumes
 * @param known ids that the store has: the castle finishes those by itself
 * @param remove removes it, by its id
 */
export async function snapshotStrays(
  base: string,
  known: ReadonlySet<string>,
  remove: (id: string) => Promise<void>,
): Promise<readonly Stray[]> {
  const left = (await unfinishedSnapshots(base)).filter((id) => !known.has(id));
  return left.map((id) => ({
    kind: 'snapshot',
    name: unfinishedSnapshotPath(base, id),
    why: 'it is not whole, and no record speaks of it',
    async remove() {
      if (!(await unfinishedSnapshots(base)).includes(id)) return false;
      await remove(id);
      return true;
    },
  }));
}
