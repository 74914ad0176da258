import { RefusalError } from '../refusals/refusal.ts';
import type { SnapshotRecord } from '../store/store.ts';

export { noSuchSnapshot, volumeExists as isThereAlready } from '../backends/snapshot-refusals.ts';

export function noSnapshots(backend: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `the ${backend} does not support snapshots`,
    'use the backend local, loop or ebs',
  );
}

export function noVolumeToTake(volume: string): RefusalError {
  return new RefusalError('not_found', `there is no volume ${volume}`, 'see castle volumes');
}

export function ofOtherBackend(what: string, backend: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `${what} is in the backend ${backend}, and this castle uses another one`,
    'start the castle with the --backend that created it',
  );
}

/** The file system was thawed before the snapshot was begun, so the copied content is not from a single moment. */
export function notStill(volume: string, limitMs: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} was frozen for ${limitMs / 1000} s, the limit, before its snapshot was complete`,
    'raise --freeze-limit, take the snapshot while no container uses the volume, or put the images on xfs or btrfs, which copy at once',
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
    `the snapshot of volume ${volume} failed`,
    'see the log of the castle for the cause',
  );
}

export function noPlan(): RefusalError {
  return new RefusalError(
    'bad_request',
    'this castle has no snapshot schedule, so it keeps all snapshots',
    'start the castle with --snapshot-schedule',
  );
}

/** The snapshot is on this host, so it need not be fetched. */
export function isHere(id: string): RefusalError {
  return new RefusalError(
    'busy',
    `snapshot ${id} is already on this host`,
    'restore it with castle snapshot restore',
  );
}
