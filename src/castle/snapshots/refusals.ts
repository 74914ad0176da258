import { RefusalError } from '../refusals/refusal.ts';
import type { SnapshotRecord } from '../store/store.ts';

export { noSuchSnapshot, volumeExists as isThereAlready } from '../backends/snapshot-refusals.ts';

export function noSnapshots(backend: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `no snapshots are taken in the ${backend}`,
    'use a backend that has them',
  );
}

export function noVolumeToTake(volume: string): RefusalError {
  return new RefusalError('not_found', `there is no volume ${volume}`, 'see castle volumes');
}

export function ofOtherBackend(what: string, backend: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `${what} lives in the backend ${backend}, and this castle serves another one`,
    'start the castle with the --backend that it was made with',
  );
}

/** The file system was thawed before the snapshot was begun, so the copied content is not from a single moment. */
export function notStill(volume: string, limitMs: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} stood still for ${limitMs / 1000} s, which was not enough for a snapshot`,
    'put the images on an xfs or btrfs, where a copy takes no time, take it while no container has the volume, or raise --freeze-limit',
  );
}

export function notYetWhole({ id, state }: SnapshotRecord): RefusalError {
  return new RefusalError(
    'busy',
    `snapshot ${id} is ${state}`,
    'wait until castle snapshots shows it as ready',
  );
}

export function noSnapshotOf(volume: string): RefusalError {
  return new RefusalError('not_found', `there is no snapshot of volume ${volume}`, 'see castle snapshots');
}

/** The snapshot was begun and failed. */
export function tookNone(volume: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the snapshot of volume ${volume} did not become whole, and nothing is left of it`,
    'the log of the castle says why',
  );
}

export function noPlan(): RefusalError {
  return new RefusalError(
    'bad_request',
    'this castle takes snapshots on request only, and keeps them all',
    'start it with --snapshot-schedule',
  );
}

/** The snapshot is on this host, so it need not be fetched. */
export function isHere(id: string): RefusalError {
  return new RefusalError(
    'busy',
    `snapshot ${id} is on this host`,
    'restore it with castle snapshot restore',
  );
}
