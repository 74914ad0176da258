/** Recovery of the snapshots that an earlier castle was working on when it ended. */
import { errorMessage } from '../../terminal/failure.ts';
import type { KnownSnapshot, Snapshots } from '../backends/snapshots.ts';
import type { SnapshotRecord } from '../store/store.ts';
import { completeLater, withoutUnhandledRejection } from './complete-snapshot.ts';
import { completeDeletion, giveUp } from './delete-snapshot.ts';
import { ownSnapshots, type SnapshotContext } from './snapshot-context.ts';
import { thawVolume } from './volume-freeze.ts';

/**
 * Thaws the file systems that an earlier castle froze. This comes before all other recovery, because containers cannot write
 * until then.
 */
export async function thawFrozenVolumes(context: SnapshotContext): Promise<void> {
  for (const record of ownSnapshots(context).filter(({ state }) => state === 'freezing')) {
    try {
      await thawVolume(context, record);
    } catch (thrown) {
      context.recorder.log(
        record,
        'snapshot.unresolved',
        `cannot thaw the file system of volume ${record.volume}, so writes to it may hang: ${errorMessage(thrown)}`,
      );
    }
  }
}

/**
 * Completes or deletes the snapshots that an earlier castle was working on. Adopts snapshots that are in the backend but not
 * in the store, for example after the state was lost.
 * @returns false when the backend could not list its snapshots; the caller has to call this again then
 */
export async function recoverSnapshots(context: SnapshotContext): Promise<boolean> {
  const { backend, emit, fetching, recorder, started, store } = context;
  const { snapshots } = backend;
  if (snapshots === null) return true;
  let there: ReadonlyMap<string, KnownSnapshot>;
  try {
    there = new Map((await snapshots.list()).map((one) => [one.id, one]));
  } catch (thrown) {
    // The castle starts nevertheless: volumes can be leased without snapshots.
    emit(`cannot list the snapshots: ${errorMessage(thrown)}`, { event: 'snapshot.unresolved' });
    return false;
  }
  const known = new Set(store.snapshots().map(({ id }) => id));
  for (const record of ownSnapshots(context).filter(({ taken }) => taken < started)) {
    // An operation of this castle may have changed the snapshot since.
    if (fetching.has(record.id) || store.snapshot(record.id)?.state !== record.state) continue;
    try {
      await recover(context, record, there.has(record.id), snapshots);
    } catch (thrown) {
      recorder.log(
        record,
        'snapshot.unresolved',
        `cannot recover snapshot ${record.id}: ${errorMessage(thrown)}`,
      );
    }
  }
  for (const snapshot of there.values()) if (!known.has(snapshot.id)) await adopt(context, snapshot);
  return true;
}

async function recover(
  context: SnapshotContext,
  record: SnapshotRecord,
  isThere: boolean,
  snapshots: Snapshots,
): Promise<void> {
  switch (record.state) {
    case 'freezing':
      // The file system may have been thawed before the snapshot was begun.
      await giveUp(context, record, 'the castle ended while the file system was frozen');
      return;
    case 'taking': {
      if (isThere) {
        await context.recorder.advance(record, 'completed');
        return;
      }
      const resumed = await snapshots.resume(record.id);
      if (resumed === undefined) await giveUp(context, record, 'the castle ended before it was complete');
      else completeLater(context, record, withoutUnhandledRejection(resumed), performance.now());
      return;
    }
    case 'deleting':
      await completeDeletion(context, record);
      return;
    case 'ready':
      if (isThere) return;
      context.recorder.log(
        record,
        'snapshot.unresolved',
        `snapshot ${record.id} of volume ${record.volume} no longer exists`,
      );
  }
}

async function adopt(
  { backend, recorder }: SnapshotContext,
  { id, volume, volumeId, taken }: KnownSnapshot,
): Promise<void> {
  const adopted: SnapshotRecord = {
    id,
    volume,
    ...(volumeId === undefined ? {} : { volumeId }),
    backend: backend.name,
    state: 'ready',
    taken,
    origin: 'adopted',
    offHostCopy: 'none',
  };
  await recorder.write(adopted);
  recorder.log(
    adopted,
    'snapshot.adopted',
    `snapshot of volume ${volume}, taken ${taken}, had no record and is adopted`,
  );
}
