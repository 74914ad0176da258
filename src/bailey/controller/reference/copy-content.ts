import { constants, copyFile } from 'node:fs';
import type { BytePath } from './byte-path.ts';

/** In bytes. Smaller files are copied in one call, which a signal does not interrupt and which writes holes as zeros. */
const largeBytes = 16 * 1024 * 1024;

/**
 * Copies the content of a file to a new file: by sharing its blocks where the file system supports it (FICLONE), else by
 * copy_file_range(2) in libuv's thread pool. A large file whose blocks cannot be shared is copied in pieces: holes stay
 * holes, and the copy can be aborted between two pieces.
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
    const { copySparseFile } = await import('./copy-sparse-file.ts'); // dynamic: few images have such files
    await copySparseFile(source, target, signal); // reports any other error itself
  }
}

/** Uses the callback API, because node:fs/promises would load more modules. */
const copyWhole = (source: BytePath, target: BytePath, flags: number): Promise<void> =>
  new Promise((resolve, reject) => {
    copyFile(source, target, flags, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
