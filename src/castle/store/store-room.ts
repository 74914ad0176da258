/**
 * Keeps allocated, unused space at the end of the store's file, so that LMDB's writes do not meet a full disk.
 *
 * When a write fails, lmdb-js 3.5.6 formats a message into a buffer of 100 bytes, which may be too short (mdb_page_flush in
 * mdb.c: "Attempting to write page"). The overflow damages the heap, and the process ends by SIGABRT. So the castle allocates the
 * space before a commit: a full disk is then an ordinary error. A file system that copies on write, such as Btrfs, needs new
 * space even for allocated blocks; there a commit can still meet a full disk.
 */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import type { RootDatabase } from 'lmdb';

/** The space that a commit may need besides that for its records, in bytes: the pages of the tables' roots and of free pages. */
export const commitBytes = 64 * 1024;
/** The space that the pages of one changed record may need, in bytes. */
export const recordBytes = 8 * 1024;
/** The space that is allocated in addition, in bytes, so that most commits find it. */
const extraBytes = 64 * 1024;

/**
 * Makes sure that the next commit has space. LMDB uses the pages behind its last one when it needs more, and no reader uses
 * them before.
 * @param neededBytes the space that the commit may need
 * @throws Error ENOSPC, EDQUOT, EIO and others of write(2) when there is too little space
 */
export type MakeRoom = (neededBytes: number) => void;

/**
 * Returns the function that makes room in an open store. It opens the file only when it has to be longer: the file never shrinks.
 * @param file the path of the store
 */
export function roomMaker(root: RootDatabase, file: string): MakeRoom {
  /** The size of the file, or less: LMDB may have made it longer. */
  let knownBytes = 0;
  return (neededBytes) => {
    const { lastPageNumber, pageSize } = root.getStats() as { lastPageNumber: number; pageSize: number };
    const enough = (lastPageNumber + 1) * pageSize + neededBytes;
    if (knownBytes >= enough) return;
    const fd = openSync(file, 'r+');
    try {
      knownBytes = fstatSync(fd).size;
      if (knownBytes < enough) knownBytes = extend(fd, knownBytes, enough, enough + extraBytes);
    } finally {
      closeSync(fd);
    }
  };
}

/**
 * Appends zeros to a file, in bytes.
 * @param size the present size
 * @param enough the size that is needed
 * @param wanted the size that is tried
 * @returns the new size, at least `enough`
 */
function extend(fd: number, size: number, enough: number, wanted: number): number {
  const zeros = Buffer.alloc(wanted - size);
  let end = size;
  // A disk that has less space writes a part; the next call reports that it is full.
  while (end < wanted) {
    try {
      end += writeSync(fd, zeros, 0, wanted - end, end);
    } catch (thrown) {
      if (end >= enough) return end;
      throw thrown;
    }
  }
  return end;
}
