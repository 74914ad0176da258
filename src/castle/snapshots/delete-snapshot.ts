import { errorMessage } from '../../terminal/failure.ts';
import type { SnapshotRecord } from '../store/store.ts';
import * as refusals from './refusals.ts';
import { backendSnapshots, type SnapshotContext } from './snapshot-context.ts';
import { thawVolume } from './volume-freeze.ts';

/**
 * Deletes a complete snapshot permanently.
 * @throws RefusalError not_found, busy while the snapshot is being taken, backend_failed
 */
export function deleteSnapshot(context: SnapshotContext, id: string): Promise<void> {
  const { store, backend, recorder, snapshotLock } = context;
  return snapshotLock.run(id, async () => {
    const record = store.snapshot(id);
    if (record === undefined) throw refusals.noSuchSnapshot(id);
    if (record.backend !== backend.name) throw refusals.ofOtherBackend(`snapshot ${id}`, record.backend);
    if (record.state !== 'ready' && record.state !== 'deleting') throw refusals.notYetWhole(record);
    await completeDeletion(context, await recorder.advance(record, 'remove'));
    recorder.log(
      record,
      'snapshot.removed',
      `snapshot of volume ${record.volume}, taken ${record.taken}, is removed`,
    );
  });
}

/** Deletes a snapshot whose state is `deleting`. */
export async function completeDeletion(context: SnapshotContext, record: SnapshotRecord): Promise<void> {
  await backendSnapshots(context).remove(record.id);
  await context.recorder.advance(record, 'removed');
}

/** Logs that a snapshot failed, and deletes what exists of it. */
export async function giveUp(
  context: SnapshotContext,
  record: SnapshotRecord,
  reason: string,
): Promise<void> {
  context.recorder.log(
    record,
    'snapshot.failed',
    `the snapshot of volume ${record.volume} failed: ${reason}`,
  );
  await undoSnapshot(context, record);
}

/** Deletes what exists of an incomplete snapshot. What cannot be deleted now is deleted at the next start. */
export async function undoSnapshot(context: SnapshotContext, record: SnapshotRecord): Promise<void> {
  const { recorder } = context;
  try {
    if (record.state === 'freezing') await thawVolume(context, record);
    await completeDeletion(context, await recorder.advance(record, 'failed'));
  } catch (thrown) {
    recorder.log(
      record,
      'snapshot.unresolved',
      `cannot delete the failed snapshot ${record.id}: ${errorMessage(thrown)}`,
    );
  }
}
