import type { NewVolume } from '../backends/volume.ts';
import type { SnapshotRecord } from '../store/store.ts';
import { backendSnapshots, type SnapshotContext } from './snapshot-context.ts';
import { resolveSnapshot } from './snapshot-reference.ts';

/**
 * Creates a volume from a snapshot.
 * @param reference an id, or `latest:VOLUME`
 * @throws RefusalError not_found, busy, bad_request, backend_failed; nothing of the volume remains then
 */
export async function restoreSnapshot(
  context: SnapshotContext,
  reference: string,
  volume: NewVolume,
): Promise<void> {
  await withSnapshot(context, reference, async (record) => {
    await backendSnapshots(context).createVolume(record, volume);
    context.recorder.log(
      record,
      'snapshot.restored',
      `volume ${volume.name} is created from the snapshot of volume ${record.volume} taken ${record.taken}`,
    );
  });
}

/**
 * Runs an operation that reads a complete snapshot. The snapshot cannot be deleted while the operation runs.
 * @param reference an id, or `latest:VOLUME`
 * @throws RefusalError not_found, busy, backend_failed
 */
export function withSnapshot<T>(
  { store, backend, snapshotLock }: SnapshotContext,
  reference: string,
  operation: (record: SnapshotRecord) => Promise<T>,
): Promise<T> {
  const { id } = resolveSnapshot(store, backend.name, reference);
  return snapshotLock.run(id, () => operation(resolveSnapshot(store, backend.name, id)));
}
