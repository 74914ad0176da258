import { mkdir, realpath } from 'node:fs/promises';
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
