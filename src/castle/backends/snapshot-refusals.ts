import { formatSize } from '../../terminal/size.ts';
import { RefusalError } from '../refusals/refusal.ts';

export function noSuchSnapshot(id: string): RefusalError {
  return new RefusalError('not_found', `there is no snapshot ${id}`, 'see castle snapshots');
}

export function noRoomForSnapshot(volume: string, wantedBytes: number, freeBytes: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `there is no room for a snapshot of volume ${volume}: it may need ${wantedBytes} bytes, and ${freeBytes} are free`,
    'free space on the disk of the volumes, or delete snapshots',
  );
}

export function snapshotFailed(volume: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `no snapshot can be taken of volume ${volume}: ${why}`,
    'check the folder of the volumes on the host; nothing is left of the snapshot',
  );
}

/** @param limitMs how long the file system may stay frozen, in milliseconds */
export function freezeTooLong(volume: string, limitMs: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} would be frozen for more than ${limitMs / 1000} s for a snapshot: copying it takes too long`,
    'put the images on xfs or btrfs, where a copy takes no time, take the snapshot while no container uses the volume, or raise --freeze-limit',
  );
}

export function restoreFailed(volume: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} cannot be created from a snapshot: ${why}`,
    'nothing is left of it, and the snapshot is unchanged',
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
    `there is no room for volume ${volume}: the snapshot has ${wantedBytes} bytes, and ${freeBytes} are free`,
    'free space on the disk of the volumes',
  );
}

/** A size was given, but the volumes of this backend have no size. */
export function noOwnSize(volume: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} would have no size of its own: folders share their disk`,
    'leave the size out',
  );
}

/** Another kind of backend made the copy. */
export function wrongFormat(id: string, format: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `snapshot ${id} has the format ${format}, which this backend does not store`,
    'fetch it with a castle that has the backend of the copy',
  );
}

export function fetchFailed(id: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `snapshot ${id} cannot be fetched: ${why}`,
    'nothing is left of it on this host, and the copy is unchanged',
  );
}
