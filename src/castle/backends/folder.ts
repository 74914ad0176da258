import { mkdir, open, realpath } from 'node:fs/promises';
import { errorMessage, Failure } from '../../failure.ts';

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

/** Puts the entries of folders on the disk: a rename is there when both of its folders are. */
export async function flush(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const opened = await open(folder, 'r');
    try {
      await opened.sync();
    } finally {
      await opened.close();
    }
  }
}
