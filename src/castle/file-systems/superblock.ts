import { readSync } from 'node:fs';
import { type FileSystem, type Identity, superblockBytes } from './file-system.ts';

/**
 * Reads the identity of a file system from its first superblock on disk.
 * @param fd descriptor of the image or device, open for reading
 * @returns undefined when there is no valid superblock of this type
 */
export function readIdentity(fd: number, type: FileSystem): Identity | undefined {
  const start = Buffer.alloc(superblockBytes);
  readSync(fd, start, 0, start.length, 0);
  return type.identify(start);
}
