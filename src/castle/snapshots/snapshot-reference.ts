import type { SnapshotRecord, Store } from '../store/store.ts';
import { noSnapshotOf, noSuchSnapshot, notYetWhole, ofOtherBackend } from './refusals.ts';

const latest = 'latest:';

/**
 * Finds the snapshot that a reference names.
 * @param backend the name of the castle's backend; only snapshots of this backend can be used
 * @param reference an id, or `latest:VOLUME` for the last complete snapshot of the volume with that name
 * @throws RefusalError not_found, busy when the snapshot is incomplete, backend_failed when it belongs to another backend
 */
export function resolveSnapshot(store: Store, backend: string, reference: string): SnapshotRecord {
  if (reference.startsWith(latest)) return newest(store, backend, reference.slice(latest.length));
  const record = store.snapshot(reference);
  if (record === undefined) throw noSuchSnapshot(reference);
  if (record.backend !== backend) throw ofOtherBackend(`snapshot ${reference}`, record.backend);
  if (record.state !== 'ready') throw notYetWhole(record);
  return record;
}

function newest(store: Store, backend: string, volume: string): SnapshotRecord {
  const whole = store
    .snapshotsOf(volume)
    .filter((one) => one.backend === backend && one.state === 'ready')
    .sort((one, other) => one.taken.localeCompare(other.taken));
  const last = whole.at(-1);
  if (last === undefined) throw noSnapshotOf(volume);
  return last;
}
