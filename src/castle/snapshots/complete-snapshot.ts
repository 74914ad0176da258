import { errorMessage } from '../../terminal/failure.ts';
import type { BegunSnapshot } from '../backends/snapshots.ts';
import type { SnapshotRecord } from '../store/store.ts';
import { giveUp } from './delete-snapshot.ts';
import type { SnapshotContext } from './snapshot-context.ts';

/**
 * Records in the background that a begun snapshot is complete; deletes the snapshot if it fails.
 * @param begunMs when the snapshot was begun, by performance.now()
 */
export function completeLater(
  context: SnapshotContext,
  record: SnapshotRecord,
  { completed }: BegunSnapshot,
  begunMs: number,
): void {
  const { pending, recorder } = context;
  const settled = completed
    .then(async ({ sizeBytes }) => {
      await recorder.advance(record, 'completed', sizeBytes === undefined ? {} : { sizeBytes });
      const tookMs = Math.round(performance.now() - begunMs);
      recorder.log(record, 'snapshot.taken', `snapshot of volume ${record.volume} is taken`, { tookMs });
    })
    .catch((thrown: unknown) => giveUp(context, record, errorMessage(thrown)));
  pending.add(record.id, settled);
}

/**
 * Prevents a failure that happens before anything awaits the snapshot from ending the process as an unhandled rejection.
 * Code that awaits it later still gets the failure.
 */
export function withoutUnhandledRejection(snapshot: BegunSnapshot): BegunSnapshot {
  snapshot.completed.catch(() => undefined);
  return snapshot;
}
