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
 * @param root an open store
 * @param file its path
 * @param neededBytes the space that the commit may need
 * @throws Error ENOSPC, EDQUOT, EIO and others of write(2) when there is too little space
 */
export function makeRoom(root: RootDatabase, file: string, neededBytes: number): void {
  const { lastPageNumber, pageSize } = root.getStats() as { lastPageNumber: number; pageSize: number };
  const usedBytes = (lastPageNumber + 1) * pageSize;
  const fd = openSync(file, 'r+');
  try {
    let { size } = fstatSync(fd);
    const enough = usedBytes + neededBytes;
    if (size >= enough) return;
    const zeros = Buffer.alloc(enough + extraBytes - size);
    const end = size + zeros.length;
    // A disk that has less space writes a part; the next call reports that it is full.
    while (size < end) {
      try {
        size += writeSync(fd, zeros, 0, end - size, size);
      } catch (thrown) {
        if (size >= enough) return;
        throw thrown;
      }
    }
  } finally {
    closeSync(fd);
  }
}
