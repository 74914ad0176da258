import { readIdentity } from '../file-systems/superblock.ts';
import { fileSystemNamed } from '../file-systems/types.ts';
import * as refusals from './refusals.ts';

/** A device or an image that is said to have a volume. */
export interface ExpectedFileSystem {
  readonly volume: string;
  /** Where it is, for people. */
  readonly path: string;
  /** What its file system is to be. */
  readonly type: string;
  readonly id: string;
  /** How large it is itself. */
  readonly sizeBytes: number;
}

/**
 * Makes sure that a volume's file system is on it. Before anything works on it: a tool that repairs would make of a wrong
 * file system a right one.
 * @param fd open for reading
 * @throws RefusalError backend_failed
 */
export function checkIdentity(fd: number, { volume, path, type, id, sizeBytes }: ExpectedFileSystem): void {
  const found = readIdentity(fd, fileSystemNamed(type));
  if (found === undefined) throw refusals.noFileSystem(volume, path, type);
  if (found.uuid !== id) throw refusals.wrongFileSystem(volume, path, id, found.uuid);
  if (sizeBytes < found.sizeBytes) throw refusals.truncatedImage(volume, path, sizeBytes, found.sizeBytes);
}
