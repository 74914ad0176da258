import { formatSize } from '../../terminal/size.ts';
import { RefusalError } from '../refusals/refusal.ts';

export function noSuchSnapshot(id: string): RefusalError {
  return new RefusalError('not_found', `there is no snapshot ${id}`, 'see castle snapshots');
}

export function noRoomForSnapshot(volume: string, wantedBytes: number, freeBytes: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `there is no room for a snapshot of volume ${volume}: it may come to ${wantedBytes} bytes, and ${freeBytes} are free`,
    'make room on the disk of the volumes, or delete snapshots',
  );
}

export function snapshotFailed(volume: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `no snapshot can be taken of volume ${volume}: ${why}`,
    'see to the folder of the volumes on the host; nothing is left of it',
  );
}

/** @param limitMs how long it may stand still */
export function freezeTooLong(volume: string, limitMs: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} would stand still for more than ${limitMs / 1000} s for a snapshot: it takes so long to copy`,
    'put the images on an xfs or btrfs, where a copy takes no time, take it while no container has the volume, or raise --freeze-limit',
  );
}

export function restoreFailed(volume: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} cannot be made from a snapshot: ${why}`,
    'nothing is left of it, and the snapshot is as it was',
  );
}

export function smallerThanSnapshot(volume: string, sizeBytes: number): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} cannot be made so small: what the snapshot has is ${formatSize(sizeBytes)}`,
    'give that size or a larger one, or none',
  );
}

/** A name that is taken. */
export function volumeExists(volume: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} is there already, and a snapshot never replaces one`,
    'give another name, or delete that volume first',
  );
}

export function noRoomForVolume(volume: string, wantedBytes: number, freeBytes: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `there is no room for volume ${volume}: the snapshot has ${wantedBytes} bytes, and ${freeBytes} are free`,
    'make room on the disk of the volumes',
  );
}

/** A size was given where volumes have none. */
export function noOwnSize(volume: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} would have no size of its own: folders share their disk`,
    'leave the size out',
  );
}

/** A copy that another backend has made. */
export function wrongFormat(id: string, format: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `snapshot ${id} is ${format}, of which this backend makes no snapshot`,
    'bring it back with a castle whose backend is that of the copy',
  );
}

export function fetchFailed(id: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `snapshot ${id} cannot be brought back: ${why}`,
    'nothing is left of it here, and the copy is as it was',
  );
}
