import type { KnownSnapshot, WrittenSnapshot } from '../backends/snapshots.ts';
import type { SnapshotRecord } from '../store/store.ts';
import { undoSnapshot } from './delete-snapshot.ts';
import * as refusals from './refusals.ts';
import type { SnapshotContext } from './snapshot-context.ts';

/**
 * Writes a snapshot whose content comes from its copy off this host.
 * @param write has the backend write the content
 * @throws RefusalError busy when the snapshot is on this host, backend_failed; nothing is left of it then
 */
export function fetchSnapshot(
  context: SnapshotContext,
  { id, volume, taken }: KnownSnapshot,
  write: () => Promise<WrittenSnapshot>,
): Promise<SnapshotRecord> {
  const { store, backend, recorder, snapshotLock, fetching } = context;
  return snapshotLock.run(id, async () => {
    if (store.snapshot(id) !== undefined) throw refusals.isHere(id);
    const record: SnapshotRecord = {
      id,
      volume,
      backend: backend.name,
      state: 'taking',
      taken,
      origin: 'fetched',
      offHostCopy: 'copied',
    };
    fetching.add(id);
    try {
      await recorder.write(record);
      const ready = await recorder.advance(record, 'whole', await write());
      recorder.log(ready, 'snapshot.fetched', `the snapshot of ${taken} of volume ${volume} is here again`);
      return ready;
    } catch (thrown) {
      if (store.snapshot(id) !== undefined) await undoSnapshot(context, record);
      throw thrown;
    } finally {
      fetching.delete(id);
    }
  });
}
