import type { KnownSnapshot, WrittenSnapshot } from '../backends/snapshots.ts';
import type { SnapshotRecord } from '../store/store.ts';
import { undoSnapshot } from './delete-snapshot.ts';
import * as refusals from './refusals.ts';
import type { SnapshotContext } from './snapshot-context.ts';

/**
 * Stores a snapshot on this host whose content comes from its off-host copy.
 * @param write stores the content in the backend
 * @throws RefusalError busy when the snapshot is on this host, backend_failed; nothing of the snapshot remains then
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
      const ready = await recorder.advance(record, 'completed', await write());
      recorder.log(
        ready,
        'snapshot.fetched',
        `snapshot of volume ${volume}, taken ${taken}, is fetched to this host`,
      );
      return ready;
    } catch (thrown) {
      if (store.snapshot(id) !== undefined) await undoSnapshot(context, record);
      throw thrown;
    } finally {
      fetching.delete(id);
    }
  });
}
