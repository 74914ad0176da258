import { open, rm, stat, statfs } from 'node:fs/promises';
import type { Native } from '../../../linux/native-addon.ts';
import { runProgram } from '../../../linux/run-program.ts';
import type { FileSystem, HeldImage } from '../../file-systems/file-system.ts';
import { renameDurably } from '../durable-folder.ts';
import type { NewVolume } from '../volume.ts';

/** The unit of the `blocks` of a file in stat(2), in bytes. */
const blockBytes = 512;

/** An image to be created. */
export interface NewImage {
  readonly volume: NewVolume;
  readonly fileSystem: FileSystem;
  readonly sizeBytes: number;
}

/**
 * Creates an image under a temporary path, formats it, and renames it when all of its data is on disk. Thus an incomplete
 * image is never visible as a volume, and only new files are formatted.
 * @param temporary the temporary path; removed when the creation fails
 * @throws Error when the creation fails
 */
export async function createImage(
  native: Native,
  { volume, fileSystem, sizeBytes }: NewImage,
  temporary: string,
  path: string,
): Promise<void> {
  const file = await open(temporary, 'wx+', 0o600);
  try {
    if (!native.flock(file.fd)) throw new Error(`${temporary} is locked by another program`);
    const image = { path: temporary, fd: file.fd };
    await allocate(image, sizeBytes);
    await fileSystem.format(image, volume.id, volume.owner);
    // Allocated again, because mkfs punches holes to zero parts of the file.
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
 * Allocates disk space for every byte of the file; its content is unchanged.
 * @throws Error when there is no space; a part may have been allocated then
 */
export async function allocate({ path, fd }: HeldImage, sizeBytes: number): Promise<void> {
  // Checked first: fallocate would fill the disk completely before it fails.
  const missing = sizeBytes - (await stat(path)).blocks * blockBytes;
  const { bavail, bsize } = await statfs(path);
  if (missing > bavail * bsize) {
    throw new Error(`No space left on device: ${missing} more bytes are needed, ${bavail * bsize} are free`);
  }
  const args = ['--length', String(sizeBytes), path];
  const { exitCode, lastLine } = await runProgram('fallocate', args, { descriptors: [fd] });
  if (exitCode !== 0) throw new Error(lastLine);
}
