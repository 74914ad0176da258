import { readSync } from 'node:fs';
import { type FileSystem, type Identity, superblockBytes } from './file-system.ts';

/**
 * Who a file system is, by its first superblock as it is on the disk now.
 * @param fd of the image or the device, open for reading
 * @returns undefined when there is none of that type
 */
export function readIdentity(fd: number, type: FileSystem): Identity | undefined {
  const start = Buffer.alloc(superblockBytes);
  readSync(fd, start, 0, start.length, 0);
  return type.identify(start);
}
