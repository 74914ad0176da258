import { constants, openSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type LoopDevice, loopDevices } from '../../../linux/loop-devices.ts';
import { errorCode } from '../../../terminal/failure.ts';
import { imageMissing, notAnImage, severalImages } from '../refusals.ts';

/** The image of a volume. Its file name is `NAME@UUID.TYPE`; no volume name contains an `@`. */
export interface Image {
  readonly path: string;
  readonly volume: string;
  /** The id of the volume, which must be the UUID of the file system. */
  readonly id: string;
  /** The type of the file system. */
  readonly type: string;
}

const pattern = /^([^@]+)@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([a-z0-9]+)$/;

/** The prefix of an image that is being created or removed; no volume name starts with a dot. */
const unfinished = '.unfinished-';
const unfinishedPattern = /^\.unfinished-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.prototype)?$/;
/** The suffix of a prototype file, from which mkfs.xfs(8) creates a root folder. */
export const prototypeEnding = '.prototype';

/** Returns the path of an image that is being created or removed. */
export const unfinishedPath = (base: string, id: string): string => join(base, `${unfinished}${id}`);

export const imagePath = (base: string, volume: string, id: string, type: string): string =>
  join(base, `${volume}@${id}.${type}`);

/**
 * Finds the image of a volume.
 * @throws RefusalError backend_failed when there are several images, or the image is not a regular file
 */
export function findImage(base: string, volume: string): Image | undefined {
  const entries = readdirSync(base, { withFileTypes: true }).filter(
    ({ name }) => parse(base, name)?.volume === volume,
  );
  if (entries.length > 1) {
    throw severalImages(
      volume,
      base,
      entries.map(({ name }) => name),
    );
  }
  const [entry] = entries;
  if (entry === undefined) return undefined;
  if (!entry.isFile()) throw notAnImage(join(base, entry.name));
  return parse(base, entry.name);
}

/** Lists the images of all volumes. */
export function listImages(base: string): readonly Image[] {
  return readdirSync(base).flatMap((name) => parse(base, name) ?? []);
}

/** Returns the size of each image in bytes, by volume name. An image that is removed meanwhile is left out. */
export function imageSizes(base: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { volume, path } of listImages(base)) {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size !== undefined) sizes.set(volume, size);
  }
  return sizes;
}

/** Lists what interrupted creations and removals left. */
export function listUnfinishedImages(base: string): readonly string[] {
  return readdirSync(base)
    .filter((name) => unfinishedPattern.test(name))
    .map((name) => join(base, name));
}

/**
 * Opens an image for reading and writing; a symlink in its place is not followed.
 * @throws RefusalError backend_failed when the image does not exist
 */
export function openImage({ volume, path }: Pick<Image, 'volume' | 'path'>): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') throw imageMissing(volume, path);
    throw thrown;
  }
}

/** Finds the loop device of a volume's image, by the path of the file with which the device was set up. */
export function findLoopDevice(base: string, volume: string): LoopDevice | undefined {
  return loopDevices().find((device) => volumeOfDevice(base, device) === volume);
}

/** Returns the name of the volume whose image a loop device holds. */
export function volumeOfDevice(base: string, { file }: LoopDevice): string | undefined {
  return dirname(file) === base ? parse(base, basename(file))?.volume : undefined;
}

/** An image in the trash. Its file name is `NAME@UUID@ID.TYPE`. */
export interface DeletedImage extends Image {
  /** The id of its entry in the trash. */
  readonly trashId: string;
}

const deletedPattern = /^([^@]+)@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@([^@.]+)\.([a-z0-9]+)$/;

/** Returns the path of an image in the trash. */
export const deletedPath = (trash: string, { volume, id, type }: Image, trashId: string): string =>
  join(trash, `${volume}@${id}@${trashId}.${type}`);

/** Returns all images in a trash folder; none when the folder does not exist. */
export function listDeletedImages(trash: string): readonly DeletedImage[] {
  let names: readonly string[];
  try {
    names = readdirSync(trash);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
  return names.flatMap((name) => {
    const [, volume, id, trashId, type] = deletedPattern.exec(name) ?? [];
    if (volume === undefined || id === undefined || trashId === undefined || type === undefined) return [];
    return [{ path: join(trash, name), volume, id, trashId, type }];
  });
}

function parse(base: string, name: string): Image | undefined {
  const [, volume, id, type] = pattern.exec(name) ?? [];
  if (volume === undefined || id === undefined || type === undefined) return undefined;
  return { path: join(base, name), volume, id, type };
}
