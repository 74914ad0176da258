import { lstat, mkdir, open, realpath, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';

/**
 * Makes the folder that a backend keeps its volumes in, for root alone, unless it is there.
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
 * Gives what was made its name, once all of it is on the disk. When the name cannot be brought to the disk, it is taken back:
 * who is told that something can't be made must not find it there.
 * @param unfinished where it was made, in a folder of the same file system
 * @param path its name, which nothing has
 * @throws Error when it has no name, and lies where it was made
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

/** Whether a path leads to anything; a symlink is something itself. */
export async function pathExists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

/** Puts the entries of folders on the disk: a rename is there when both of its folders are. */
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
