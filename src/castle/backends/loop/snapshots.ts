import { closeSync, constants, existsSync, fstatSync, statSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import type { Native } from '../../../linux/native-addon.ts';
import { runProgram } from '../../../linux/run-program.ts';
import { errorMessage } from '../../../terminal/failure.ts';
import { renewUuid } from '../../file-systems/renew-uuid.ts';
import { readIdentity } from '../../file-systems/superblock.ts';
import { fileSystemNamed } from '../../file-systems/types.ts';
import type { ReplayJournal } from '../../mounting/replay-journal.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { renameDurably } from '../durable-folder.ts';
import { imageMissing, stillAttached } from '../refusals.ts';
import {
  prepareSnapshotFolder,
  type StoredSnapshot,
  snapshotPath,
  storedSnapshots,
  unfinishedSnapshotPath,
} from '../snapshot-names.ts';
import * as refusals from '../snapshot-refusals.ts';
import type { Snapshots } from '../snapshots.ts';
import { allocate } from './create-image.ts';
import { findImage, findLoopDevice, type Image, imagePath, openImage, unfinishedPath } from './images.ts';
import { imageSnapshotContent } from './snapshot-stream.ts';

/** The unit of the `blocks` of a file in stat(2), in bytes. */
const blockBytes = 512;

export interface LoopSnapshotsDeps {
  /** The folder of the images. */
  readonly base: string;
  readonly native: Native;
  readonly replay: ReplayJournal;
}

/**
 * Snapshots of images: copies in DIR/.snapshots. Where the file system of DIR supports reflinks (xfs, btrfs; FICLONE,
 * ioctl_ficlone(2)), a copy shares all blocks with its image and takes almost no time. On other file systems the image is
 * copied twice: first while it may be written to, which shows how long a copy takes, and again while its file system is
 * frozen.
 */
export function loopSnapshots({ base, native, replay }: LoopSnapshotsDeps): Snapshots {
  const findSnapshot = async (id: string) => (await storedSnapshots(base)).find((one) => one.id === id);

  return {
    freeze: {
      async prepare({ name }, id, limitMs) {
        const image = requireImage(base, name);
        const path = unfinishedSnapshotPath(base, id);
        try {
          await prepareSnapshotFolder(base);
          await checkRoom(image);
          if (await clone(image.path, path, 'ignore')) return;
          await copy(image.path, path, 'ignore', AbortSignal.timeout(limitMs));
        } catch (thrown) {
          await rm(path, { force: true });
          if (isTimeout(thrown)) throw refusals.freezeTooLong(name, limitMs);
          throw thrown instanceof RefusalError ? thrown : refusals.snapshotFailed(name, errorMessage(thrown));
        }
      },
    },

    async begin(volume, id, taken) {
      const there = await findSnapshot(id);
      if (there !== undefined) return { completed: Promise.resolve(sizeOf(there)) };
      const image = requireImage(base, volume.name);
      const path = unfinishedSnapshotPath(base, id);
      const whole = { volume: image.volume, volumeId: image.id, id, taken, type: image.type };
      try {
        await prepareSnapshotFolder(base);
        // The copy by `prepare` has its space allocated already, and is overwritten.
        if (!existsSync(path)) await checkRoom(image);
        await withLockUnlessMounted(native, base, image, async (held) => {
          if (!(await clone(image.path, path, held))) await copy(image.path, path, held);
        });
        return { completed: finish(base, path, whole) };
      } catch (thrown) {
        await rm(path, { force: true });
        throw thrown instanceof RefusalError
          ? thrown
          : refusals.snapshotFailed(volume.name, errorMessage(thrown));
      }
    },

    // An incomplete copy cannot be continued by another castle.
    resume: async () => undefined,
    list: () => storedSnapshots(base),
    content: imageSnapshotContent(base),

    async createVolume({ id }, volume) {
      const from = await findSnapshot(id);
      if (from?.type === undefined || from.volumeId === undefined) throw refusals.noSuchSnapshot(id);
      const there = findImage(base, volume.name);
      if (there?.id === volume.id) return;
      if (there !== undefined) throw refusals.volumeExists(volume.name);
      const { size } = statSync(from.path);
      const wanted = volume.sizeBytes ?? size;
      if (wanted < size) throw refusals.smallerThanSnapshot(volume.name, size);
      const type = fileSystemNamed(from.type);
      const path = unfinishedPath(base, volume.id);
      try {
        await checkFree(base, volume.name, wanted);
        if (!(await clone(from.path, path, 'ignore'))) await copy(from.path, path, 'ignore');
        const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
        try {
          const { fd } = file;
          if (!native.flock(fd)) throw new Error(`${path} is locked by another program`);
          const sizeBytes = readIdentity(fd, type)?.sizeBytes ?? 0;
          if (fstatSync(fd).size < sizeBytes) throw new Error('its file system is truncated');
          // Allocated first, so that the file system is not written into holes.
          const image = { path, fd };
          await allocate(image, wanted);
          await renewUuid(image, type, { before: from.volumeId, id: volume.id, replay });
          if (wanted > size) await type.enlarge(image);
          await allocate(image, wanted);
          await file.sync();
          await renameDurably(path, imagePath(base, volume.name, volume.id, type.name));
        } finally {
          await file.close();
        }
      } catch (thrown) {
        await rm(path, { force: true });
        throw thrown instanceof RefusalError
          ? thrown
          : refusals.restoreFailed(volume.name, errorMessage(thrown));
      }
    },

    async remove(id) {
      const there = await findSnapshot(id);
      if (there !== undefined) await rm(there.path, { force: true });
      await rm(unfinishedSnapshotPath(base, id), { force: true });
    },
  };
}

function requireImage(base: string, volume: string): Image {
  const image = findImage(base, volume);
  if (image === undefined) throw imageMissing(volume, base);
  return image;
}

/**
 * Checks that the free space is at least the size of the image, even where snapshot and image share blocks. A shared block
 * needs new space once it is overwritten, and all space of an image is guaranteed to be available.
 */
async function checkRoom({ path, volume }: Image): Promise<void> {
  await checkFree(path, volume, statSync(path).blocks * blockBytes);
}

async function checkFree(path: string, volume: string, wantedBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  if (wantedBytes > bavail * bsize) {
    throw refusals.noRoomForSnapshot(volume, wantedBytes, bavail * bsize);
  }
}

/** Locks an image that is not mounted, so that it cannot be mounted during the copy. */
async function withLockUnlessMounted(
  native: Native,
  base: string,
  image: Image,
  act: (held: number | 'ignore') => Promise<void>,
): Promise<void> {
  if (findLoopDevice(base, image.volume) !== undefined) return act('ignore');
  const fd = openImage(image);
  try {
    if (!native.flock(fd)) throw stillAttached(image.volume, image.path, undefined);
    await act(fd);
  } finally {
    closeSync(fd);
  }
}

/** Copies an image by reflink. @returns false where the file system does not support reflinks */
async function clone(from: string, to: string, held: number | 'ignore'): Promise<boolean> {
  const args = ['--reflink=always', '--', from, to];
  return (await runProgram('cp', args, { descriptors: [held] })).exitCode === 0;
}

/** Copies all bytes of an image; blocks of zeros become holes. */
async function copy(from: string, to: string, held: number | 'ignore', stop?: AbortSignal): Promise<void> {
  const args = ['--reflink=never', '--sparse=always', '--', from, to];
  const options = { descriptors: [held], ...(stop === undefined ? {} : { signal: stop }) };
  const { exitCode, lastLine } = await runProgram('cp', args, options);
  stop?.throwIfAborted();
  if (exitCode !== 0) throw new Error(lastLine);
}

const isTimeout = (thrown: unknown): boolean =>
  thrown instanceof DOMException && thrown.name === 'TimeoutError';

/** Renames a copy to its final name after all of its data is on disk. */
async function finish(
  base: string,
  path: string,
  whole: Omit<StoredSnapshot, 'path'>,
): Promise<{ readonly sizeBytes: number }> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  const there = { ...whole, path: snapshotPath(base, whole) };
  await renameDurably(path, there.path);
  return sizeOf(there);
}

const sizeOf = ({ path }: StoredSnapshot) => ({ sizeBytes: statSync(path).blocks * blockBytes });
