import { lstat, mkdir, open, realpath, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';

/**
 * Creates the folder of a backend's volumes, accessible to root only, unless it exists.
 * @returns its absolute path without symlinks
 * @throws Failure cannotCreate
 */
export async function prepareFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await realpath(folder);
  } catch (thrown) {
    throw new Failure(
      'cannotCreate',
      `the folder ${folder} for volumes cannot be used: ${errorMessage(thrown)}`,
    );
  }
}

/**
 * Renames a file or folder and writes the rename to disk; its content must be on disk already. If the rename cannot be
 * written to disk, it is undone, so that a failed creation never leaves a complete result behind.
 * @param unfinished the present path, on the same file system
 * @param path the new path, where nothing exists
 * @throws Error when the file or folder still has its old path
 */
export async function renameDurably(unfinished: string, path: string): Promise<void> {
  await rename(unfinished, path);
  try {
    await syncFolders(dirname(path));
  } catch (thrown) {
    await rename(path, unfinished);
    throw thrown;
  }
}

/** Whether a path exists; symlinks are not followed. */
export async function pathExists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

/** Writes the entries of folders to disk. A rename is on disk when both of its folders are. */
export async function syncFolders(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const opened = await open(folder, 'r');
    try {
      await opened.sync();
    } finally {
      await opened.close();
    }
  }
}
