import { open, rm, stat, statfs } from 'node:fs/promises';
import type { Native } from '../../../linux/native-addon.ts';
import { runProgram } from '../../../linux/run-program.ts';
import type { FileSystem, HeldImage } from '../../file-systems/file-system.ts';
import { renameDurably } from '../durable-folder.ts';
import type { NewVolume } from '../volume.ts';

/** The unit in which stat(2) counts what a file has on the disk. */
const blockBytes = 512;

/** What a new image is to be. */
export interface NewImage {
  readonly volume: NewVolume;
  readonly fileSystem: FileSystem;
  readonly sizeBytes: number;
}

/**
 * Makes an image, formats it, and gives it its name when all of that is on disk: nobody sees it half made, and nothing
 * but a file that was made here is ever formatted.
 * @param temporary its path until then; removed when it can't be made
 * @throws Error when it can't be made
 */
export async function createImage(
  native: Native,
  { volume, fileSystem, sizeBytes }: NewImage,
  temporary: string,
  path: string,
): Promise<void> {
  const file = await open(temporary, 'wx+', 0o600);
  try {
    if (!native.flock(file.fd)) throw new Error(`${temporary} is locked by somebody else`);
    const image = { path: temporary, fd: file.fd };
    await allocate(image, sizeBytes);
    await fileSystem.format(image, volume.id, volume.owner);
    // Once more: what formats a file zeroes some of it by punching holes.
    await allocate(image, sizeBytes);
    await file.sync();
    await renameDurably(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  } finally {
    await file.close();
  }
}

/**
 * Gives every byte a room of its own on the disk; what is there stays as it is.
 * @throws Error when there is none, and a part may have been allocated
 */
export async function allocate({ path, fd }: HeldImage, sizeBytes: number): Promise<void> {
  // What cannot succeed would fill the disk to its end first, for everybody.
  const missing = sizeBytes - (await stat(path)).blocks * blockBytes;
  const { bavail, bsize } = await statfs(path);
  if (missing > bavail * bsize) {
    throw new Error(`No space left on device: ${missing} bytes more are needed, ${bavail * bsize} are free`);
  }
  const args = ['--length', String(sizeBytes), path];
  const { exitCode, lastLine } = await runProgram('fallocate', args, { descriptors: [fd] });
  if (exitCode !== 0) throw new Error(lastLine);
}
