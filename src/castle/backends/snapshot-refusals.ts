import { formatSize } from '../../terminal/size.ts';
import { RefusalError } from '../refusals/refusal.ts';

export function noSuchSnapshot(id: string): RefusalError {
  return new RefusalError('not_found', `there is no snapshot ${id}`, 'see castle snapshots');
}

export function noRoomForSnapshot(volume: string, wantedBytes: number, freeBytes: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the disk has too little space for a snapshot of volume ${volume}: up to ${wantedBytes} bytes are needed, ${freeBytes} are free`,
    'free space on the disk of the volumes, or delete snapshots',
  );
}

export function snapshotFailed(volume: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `cannot take a snapshot of volume ${volume}: ${why}`,
    'check the folder of the volumes on the host; nothing of the snapshot remains',
  );
}

/** @param limitMs how long the file system may stay frozen, in milliseconds */
export function freezeTooLong(volume: string, limitMs: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} would be frozen for more than ${limitMs / 1000} s for a snapshot: copying it takes too long`,
    'raise --freeze-limit, take the snapshot while no container uses the volume, or put the images on xfs or btrfs, which copy at once',
  );
}

export function restoreFailed(volume: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} cannot be created from a snapshot: ${why}`,
    'nothing of the volume remains, and the snapshot is unchanged',
  );
}

export function smallerThanSnapshot(volume: string, sizeBytes: number): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} cannot be smaller than its snapshot, which has ${formatSize(sizeBytes)}`,
    'give at least that size, or no size',
  );
}

/** A volume with this name exists. */
export function volumeExists(volume: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} exists already, and a snapshot never replaces a volume`,
    'give another name, or delete that volume first',
  );
}

export function noRoomForVolume(volume: string, wantedBytes: number, freeBytes: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the disk has too little space for volume ${volume}: the snapshot has ${wantedBytes} bytes, ${freeBytes} are free`,
    'free space on the disk of the volumes',
  );
}

/** A size was given, but the volumes of this backend have no size. */
export function noOwnSize(volume: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} cannot have a size: this backend stores volumes as folders that share one disk`,
    'omit the size',
  );
}

/** Another kind of backend made the copy. */
export function wrongFormat(id: string, format: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `snapshot ${id} has the format ${format}, which this backend does not store`,
    'fetch it with a castle that has the same kind of backend',
  );
}

export function fetchFailed(id: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `snapshot ${id} cannot be fetched: ${why}`,
    'nothing of it remains on this host, and the copy is unchanged',
  );
}
