import { closeSync, fstatSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasFile, loopDevices } from '../../../linux/loop-devices.ts';
import type { Native } from '../../../linux/native-addon.ts';
import { errorCode, errorMessage } from '../../../terminal/failure.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { syncFolders } from '../durable-folder.ts';
import { imageMissing, stillAttached } from '../refusals.ts';
import { type Trash, trashFolderName } from '../trash.ts';
import { isLocked, lockWhenUnattached } from './image-lock.ts';
import {
  type DeletedImage,
  deletedPath,
  findImage,
  type Image,
  imagePath,
  listDeletedImages,
  openImage,
} from './images.ts';

/**
 * The trash of the backend `loop`: the file name of a deleted image contains its volume's name, id and type, so that it can be
 * restored without any record.
 * @param base the folder of the images
 */
export function loopTrash(base: string, native: Native): Trash {
  const trash = join(base, trashFolderName);
  const kept = (volume: string, id: string): DeletedImage | undefined =>
    listDeletedImages(trash).find((image) => image.volume === volume && image.trashId === id);

  /** Moves an image. Refuses when the image is in use, because its user would continue to write to it after the move. */
  async function moveUnattached(image: Image, to: string): Promise<void> {
    const fd = openImage(image);
    try {
      await lockWhenUnattached(native, fd, image);
      await mkdir(trash, { recursive: true, mode: 0o700 });
      await rename(image.path, to);
    } catch (thrown) {
      if (thrown instanceof RefusalError) throw thrown;
      throw new RefusalError(
        'backend_failed',
        `volume ${image.volume} cannot be moved from ${image.path} to ${to}: ${errorCode(thrown) ?? errorMessage(thrown)}`,
        'check that folder on the host',
      );
    } finally {
      closeSync(fd);
    }
    await syncFolders(base, trash);
  }

  return {
    has: async (volume, id) => kept(volume, id) !== undefined,

    async put(volume, id) {
      if (kept(volume, id) !== undefined) return;
      const image = findImage(base, volume);
      if (image === undefined) throw imageMissing(volume, base);
      await moveUnattached(image, deletedPath(trash, image, id));
    },

    async restore(volume, id) {
      const image = kept(volume, id);
      if (findImage(base, volume) !== undefined) {
        if (image === undefined) return;
        throw new RefusalError(
          'busy',
          `volume ${volume} exists again`,
          'delete that one first; then both are kept in the trash',
        );
      }
      if (image === undefined) throw imageMissing(volume, trash);
      await moveUnattached(image, imagePath(base, volume, image.id, image.type));
    },

    async source(volume, id) {
      const image = kept(volume, id);
      if (image === undefined) return undefined;
      const fd = openImage(image);
      const status = fstatSync(fd);
      closeSync(fd);
      const device = loopDevices().find((one) => hasFile(one, status));
      if (device !== undefined) return { device: device.number, root: '/' };
      if (isLocked(native, image)) throw stillAttached(volume, image.path, undefined);
      return undefined;
    },

    async purge(volume, id) {
      const image = kept(volume, id);
      if (image === undefined) return;
      const fd = openImage(image);
      try {
        await lockWhenUnattached(native, fd, image);
        await rm(image.path);
      } finally {
        closeSync(fd);
      }
    },

    list: async () =>
      listDeletedImages(trash).map(({ volume, id, trashId }) => ({ volume, id: trashId, volumeId: id })),
  };
}
