/**
 * Takes a snapshot: records it in the store, freezes the volume's file system if the volume is a mounted device, begins the
 * snapshot, and thaws. The snapshot is completed while the volume is written to again. The store contains the state
 * `freezing` before the file system is frozen, so that the next castle thaws it if this one is killed.
 */
import { randomUUID } from 'node:crypto';
import type { SnapshotOrigin } from '../../protocol/contract.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { BegunSnapshot } from '../backends/snapshots.ts';
import type { KnownVolume } from '../backends/volume.ts';
import type { DeviceFileSystem, FrozenFileSystem } from '../mounting/freeze-file-system.ts';
import type { SnapshotRecord, VolumeRecord } from '../store/store.ts';
import { lostVolume } from '../volumes/refusals.ts';
import { completeLater, withoutUnhandledRejection } from './complete-snapshot.ts';
import { undoSnapshot } from './delete-snapshot.ts';
import * as refusals from './refusals.ts';
import { backendSnapshots, type SnapshotContext } from './snapshot-context.ts';
import { mountedDevice } from './volume-freeze.ts';

/** Why a snapshot is taken, for its record. */
export interface SnapshotReason {
  readonly origin: SnapshotOrigin;
  readonly note?: string;
}

/**
 * Takes a snapshot of a volume, which may be in use. When this resolves, the snapshot may be incomplete, but its content is
 * fixed: later writes to the volume do not change it.
 * @throws RefusalError not_found, bad_request when the backend has no snapshots, busy, backend_failed
 */
export function takeSnapshot(
  context: SnapshotContext,
  volume: string,
  reason: SnapshotReason,
): Promise<SnapshotRecord> {
  backendSnapshots(context);
  return context.volumeLock.run(volume, async () => {
    try {
      return await takeLocked(context, volume, reason);
    } catch (thrown) {
      const message = `the snapshot of volume ${volume} failed: ${errorMessage(thrown)}`;
      context.emit(message, { event: 'snapshot.failed', volume });
      throw thrown;
    }
  });
}

async function takeLocked(
  context: SnapshotContext,
  name: string,
  reason: SnapshotReason,
): Promise<SnapshotRecord> {
  const snapshots = backendSnapshots(context);
  const volume = await findVolume(context, name);
  await undoFrozen(context, name);
  const record = newRecord(context, volume, reason);
  const begunMs = performance.now();
  try {
    const device = snapshots.freeze === null ? undefined : await mountedDevice(context, volume);
    const begun =
      device === undefined
        ? await beginUnfrozen(context, record, volume)
        : await beginFrozen(context, record, volume, device);
    completeLater(context, begun.record, begun.snapshot, begunMs);
    return begun.record;
  } catch (thrown) {
    const left = context.store.snapshot(record.id);
    if (left !== undefined) await undoSnapshot(context, left);
    throw thrown;
  }
}

async function findVolume({ store, backend }: SnapshotContext, name: string): Promise<VolumeRecord> {
  const known = store.volume(name);
  if (known === undefined || known.state !== 'ready') throw refusals.noVolumeToTake(name);
  if (known.backend !== backend.name) throw refusals.ofOtherBackend(`volume ${name}`, known.backend);
  const found = await backend.find(name);
  if (found === undefined) throw lostVolume(name, backend.description);
  // A new volume with the same name has replaced the recorded one.
  if (found.id !== undefined && known.id !== undefined && found.id !== known.id) {
    throw refusals.noVolumeToTake(name);
  }
  return { ...known, ...found };
}

/**
 * Deletes snapshots of the volume that an earlier attempt could not delete. The volume's lock is held, so no other operation
 * needs the freeze.
 */
async function undoFrozen(context: SnapshotContext, volume: string): Promise<void> {
  const { store, backend } = context;
  for (const record of store.snapshotsOf(volume)) {
    if (record.backend === backend.name && record.state === 'freezing') await undoSnapshot(context, record);
  }
}

function newRecord(
  { store, backend }: SnapshotContext,
  { name, id }: VolumeRecord,
  { origin, note }: SnapshotReason,
): SnapshotRecord {
  return {
    id: randomUUID(),
    volume: name,
    ...(id === undefined ? {} : { volumeId: id }),
    backend: backend.name,
    state: 'taking',
    taken: new Date().toISOString(),
    origin,
    offHostCopy: 'none',
    ...(note === undefined ? {} : { note }),
    ...(store.leasesOn(name).length > 0 ? { inUse: true } : {}),
  };
}

interface Begun {
  readonly record: SnapshotRecord;
  readonly snapshot: BegunSnapshot;
}

async function beginUnfrozen(
  context: SnapshotContext,
  record: SnapshotRecord,
  volume: KnownVolume,
): Promise<Begun> {
  await context.recorder.write(record);
  const snapshot = await backendSnapshots(context).begin(volume, record.id, record.taken);
  return { record, snapshot: withoutUnhandledRejection(snapshot) };
}

async function beginFrozen(
  context: SnapshotContext,
  record: SnapshotRecord,
  volume: KnownVolume,
  device: DeviceFileSystem,
): Promise<Begun> {
  const { freezer, freezeLimitMs, recorder } = context;
  const snapshots = backendSnapshots(context);
  const { id, taken } = record;
  // Recorded first: if this castle is killed, the next one deletes what prepare has left.
  await recorder.write(record);
  await snapshots.freeze?.prepare(volume, id, freezeLimitMs);
  const freezing: SnapshotRecord = { ...record, state: 'freezing' };
  await recorder.write(freezing);
  let frozen: FrozenFileSystem | undefined;
  let stayedFrozen = false;
  let snapshot: BegunSnapshot;
  try {
    frozen = await freezer.freeze(device, freezeLimitMs);
    snapshot = withoutUnhandledRejection(await snapshots.begin(volume, id, taken));
  } catch (thrown) {
    if (frozen === undefined) await freezer.thaw(device);
    throw thrown;
  } finally {
    stayedFrozen = frozen === undefined || (await frozen.thaw());
  }
  if (!stayedFrozen) {
    // The snapshot can be deleted only after it is complete or has failed.
    await snapshot.completed.catch(() => undefined);
    throw refusals.notStill(volume.name, freezeLimitMs);
  }
  return { record: await recorder.advance(freezing, 'started'), snapshot };
}
