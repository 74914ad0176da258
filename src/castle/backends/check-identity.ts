import { readIdentity } from '../file-systems/superblock.ts';
import { fileSystemNamed } from '../file-systems/types.ts';
import * as refusals from './refusals.ts';

/** A device or an image, and the identity of the file system that it should hold. */
export interface ExpectedFileSystem {
  readonly volume: string;
  /** The path of the device or image, for messages. */
  readonly path: string;
  /** The type of its file system. */
  readonly type: string;
  readonly id: string;
  /** The size of the device or image. */
  readonly sizeBytes: number;
}

/**
 * Checks that a device or an image holds the volume's file system. Called before any program works on it: a repair could
 * change a wrong file system so that a later check accepts it.
 * @param fd descriptor of the device or image, open for reading
 * @throws RefusalError backend_failed
 */
export function checkIdentity(fd: number, { volume, path, type, id, sizeBytes }: ExpectedFileSystem): void {
  const found = readIdentity(fd, fileSystemNamed(type));
  if (found === undefined) throw refusals.noFileSystem(volume, path, type);
  if (found.uuid !== id) throw refusals.wrongFileSystem(volume, path, id, found.uuid);
  if (sizeBytes < found.sizeBytes) throw refusals.truncatedImage(volume, path, sizeBytes, found.sizeBytes);
}
