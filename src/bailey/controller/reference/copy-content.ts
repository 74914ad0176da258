import { constants, copyFile } from 'node:fs';
import type { BytePath } from './byte-path.ts';

/** Smaller files are copied in one call, which no signal interrupts, and which writes holes as zeros. */
const largeBytes = 16 * 1024 * 1024;

/**
 * Copies what is in a file to a new one: by sharing its blocks where the file system can (FICLONE), else by
 * copy_file_range(2), in a thread of libuv's. A large one is copied in pieces, unless its blocks are shared: holes stay
 * holes, and an abort is heard between two pieces.
 * @param target must not exist (EEXIST)
 * @param size of the source, in bytes
 * @throws the system's error; the signal's reason
 */
export async function copyContent(
  source: BytePath,
  target: BytePath,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = constants;
  if (size < largeBytes) return copyWhole(source, target, COPYFILE_EXCL | COPYFILE_FICLONE);
  try {
    await copyWhole(source, target, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
  } catch {
    const { copySparseFile } = await import('./copy-sparse-file.ts'); // here and not above: few images have such files
    await copySparseFile(source, target, signal); // which fails by itself when there is more to it
  }
}

/** By the call that takes a function: Node's promises of file operations are modules more to load. */
const copyWhole = (source: BytePath, target: BytePath, flags: number): Promise<void> =>
  new Promise((resolve, reject) => {
    copyFile(source, target, flags, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
