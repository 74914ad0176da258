import { formatSize } from '../../terminal/size.ts';
import { RefusalError } from '../refusals/refusal.ts';

/** Damage that an administrator has to repair. */
interface Damage {
  readonly why: string;
  readonly remedy: string;
}

export function notCreated(volume: string, place: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} cannot be created in ${place}: ${why}`,
    'check the free space and the permissions of that folder on the host',
  );
}

export function tooSmall(volume: string, sizeBytes: number, type: string, leastBytes: number): RefusalError {
  return new RefusalError(
    'not_permitted',
    `volume ${volume} cannot be created with ${formatSize(sizeBytes)}: ${type} needs at least ${formatSize(leastBytes)}`,
    'set a larger castle.size on the container',
  );
}

export function noSizeOfItsOwn(volume: string, backend: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} cannot grow: all volumes of the ${backend} share one disk and have no size`,
    'only volumes of the backends loop and ebs can grow',
  );
}

export function cannotShrink(volume: string, sizeBytes: number): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} cannot shrink: its size is ${formatSize(sizeBytes)}`,
    'give a larger size',
  );
}

export function cannotGrow(volume: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} cannot grow: ${why}`,
    'give the castle that capability',
  );
}

export function noRoomToGrow(volume: string, path: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} cannot grow: ${why}`,
    `free space on the disk of ${path}; the volume is unchanged`,
  );
}

export function notAnImage(path: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `${path} exists, but is not a file`,
    'check it on the host; it was not changed',
  );
}

/** Several image files have the name of the same volume. */
export function severalImages(volume: string, base: string, names: readonly string[]): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} has ${names.length} images in ${base}: ${names.join(', ')}`,
    'move all but the right one to another folder',
  );
}

export function imageMissing(volume: string, path: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the image ${path} of volume ${volume} does not exist`,
    'restore it from a backup; the castle does not create an empty one in its place',
  );
}

export function notAttached(volume: string, path: string, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} cannot be attached: ${why}`,
    `check ${path} on the host`,
  );
}

/** The image has a loop device that the castle did not create. */
export function attachedByOthers(volume: string, path: string, device: string): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `volume ${volume} is attached to ${device}, and not by this castle`,
    `end the program that uses it, then run: losetup --detach ${device}; the image is ${path}`,
    { holder: 'the host' },
  );
}

/** The last user of an image has not released it. */
export function stillAttached(volume: string, path: string, device: string | undefined): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} is still in use ${device === undefined ? 'by a program that works on its image' : `by ${device}`}`,
    `retry in a moment; if it stays in use, find the program that has ${path} open or mounted (fuser ${path})`,
  );
}

/** The first superblock is not valid. */
export function noFileSystem(volume: string, path: string, type: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} has no ${type} file system any more: the first superblock of ${path} is damaged or was overwritten`,
    'repair a copy of it, or restore a backup; the castle has not changed it, and never formats it again',
  );
}

/** The file system has another UUID. */
export function wrongFileSystem(volume: string, path: string, id: string, found: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} has the id ${id}, but the file system in ${path} has the id ${found}: images were exchanged`,
    'rename each image back; the castle has not changed them',
  );
}

/** The image is smaller than its file system. */
export function truncatedImage(
  volume: string,
  path: string,
  sizeBytes: number,
  wantedBytes: number,
): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the image of volume ${volume} is truncated: ${path} has ${sizeBytes} of ${wantedBytes} bytes`,
    'restore the whole image from a backup; the castle has not changed it',
  );
}

export function damagedFileSystem(volume: string, path: string, { why, remedy }: Damage): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the file system of volume ${volume} in ${path} is damaged: ${why}`,
    remedy,
  );
}
