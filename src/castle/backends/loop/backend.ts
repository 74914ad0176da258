import { accessSync, closeSync, constants, fstatSync, fsyncSync, ftruncateSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasFile, loopDeviceOf, loopDevices } from '../../../linux/loop-devices.ts';
import type { Native } from '../../../linux/native-addon.ts';
import { requirePrograms } from '../../../linux/run-program.ts';
import { errorCode, errorMessage, Failure } from '../../../terminal/failure.ts';
import { formatSize } from '../../../terminal/size.ts';
import type { EmitEvent } from '../../events/event.ts';
import { fileSystemNamed } from '../../file-systems/types.ts';
import type { Mounter } from '../../mounting/mounter.ts';
import type { ReplayJournal } from '../../mounting/replay-journal.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Backend } from '../backend.ts';
import { type BlockVolumes, blockBackend } from '../block-backend.ts';
import { checkIdentity } from '../check-identity.ts';
import { prepareFolder } from '../durable-folder.ts';
import * as refusals from '../refusals.ts';
import { findSnapshotGarbage } from '../snapshot-garbage.ts';
import { unfinishedSnapshotPath } from '../snapshot-names.ts';
import { allocate, createImage } from './create-image.ts';
import { findUnfinishedImages } from './garbage.ts';
import { isLocked, lockWhenUnattached } from './image-lock.ts';
import {
  findImage,
  findLoopDevice,
  imagePath,
  imageSizes,
  listImages,
  listUnfinishedImages,
  openImage,
  unfinishedPath,
  volumeOfDevice,
} from './images.ts';
import { listLoopDevices } from './list-devices.ts';
import type { LoopSettings } from './settings.ts';
import { loopSnapshots } from './snapshots.ts';
import { loopTrash } from './trash.ts';

/** How long the kernel may take to detach a device, in milliseconds. */
const deviceLimitMs = 2_000;
/** The interval at which the device is checked, in milliseconds. */
const pollMs = 20;

export interface LoopDeps {
  readonly mounter: Mounter;
  readonly native: Native;
  readonly replay: ReplayJournal;
  readonly emit: EmitEvent;
}

/**
 * The backend `loop`: one image file for each volume, in a folder of the host. All space of an image is allocated at its
 * creation: a sparse image would accept writes for which the host's disk has no space, and lose them.
 *
 * An image is locked (flock) while it is in use. Programs that work on the image inherit the lock, and so does a loop
 * device, since it keeps the file open. The lock lasts until the last of them ends, even if the castle ends first, so a
 * volume is never attached twice.
 * @throws Failure cannotCreate, config
 */
export async function loopBackend(settings: LoopSettings, deps: LoopDeps): Promise<Backend> {
  const base = await prepareFolder(settings.folder);
  await settings.fileSystem.requirePrograms();
  await requirePrograms(['fallocate'], 'util-linux');
  requireLoopDevices();
  return blockBackend(loopVolumes(base, settings, deps), deps.mounter, deps.emit);
}

function loopVolumes(
  base: string,
  { fileSystem, sizeBytes }: LoopSettings,
  { native, replay }: LoopDeps,
): BlockVolumes {
  return {
    name: 'loop',
    description: `loop images in ${base}, ${fileSystem.name}, ${formatSize(sizeBytes)}`,
    base,

    async find(volume) {
      const image = findImage(base, volume);
      return image === undefined ? undefined : { name: volume, id: image.id };
    },

    async create(volume) {
      if (findImage(base, volume.name) !== undefined) return;
      const wanted = volume.sizeBytes ?? sizeBytes;
      if (wanted < fileSystem.leastBytes) {
        throw refusals.tooSmall(volume.name, wanted, fileSystem.name, fileSystem.leastBytes);
      }
      const path = imagePath(base, volume.name, volume.id, fileSystem.name);
      try {
        const image = { volume, fileSystem, sizeBytes: wanted };
        await createImage(native, image, unfinishedPath(base, volume.id), path);
      } catch (thrown) {
        throw refusals.notCreated(volume.name, base, errorMessage(thrown));
      }
    },

    async discard(volume) {
      const image = findImage(base, volume.name);
      if (image === undefined) return true;
      const fd = openImage(image);
      try {
        if (!native.flock(fd)) return false;
        // Renamed first, atomically: after a crash, a partly removed image must not be listed as a volume.
        const nameless = unfinishedPath(base, image.id);
        await rename(image.path, nameless);
        await rm(nameless);
        return true;
      } finally {
        closeSync(fd);
      }
    },

    async attach({ name }) {
      const image = findImage(base, name);
      if (image === undefined) throw refusals.imageMissing(name, base);
      const fd = openImage(image);
      try {
        await lockWhenUnattached(native, fd, image);
        checkIdentity(fd, { ...image, sizeBytes: fstatSync(fd).size });
        const { path, type, id } = image;
        return { fd, path, fileSystem: { type, uuid: id }, detach: () => closeSync(fd) };
      } catch (thrown) {
        closeSync(fd);
        if (thrown instanceof RefusalError) throw thrown;
        throw refusals.notAttached(name, image.path, errorMessage(thrown));
      }
    },

    async attachShared({ name }) {
      const image = findImage(base, name);
      if (image === undefined) throw refusals.imageMissing(name, base);
      const fd = openImage(image);
      try {
        const device = findLoopDevice(base, name);
        const status = fstatSync(fd);
        if (device === undefined || !hasFile(device, status)) {
          closeSync(fd);
          return undefined;
        }
        // Two devices would be two independent mounts of one file system, which would destroy the file system.
        const other = loopDevices().find((one) => one.path !== device.path && hasFile(one, status));
        if (other !== undefined) throw refusals.attachedByOthers(name, image.path, other.path);
        checkIdentity(fd, { ...image, sizeBytes: status.size });
        const { path, type, id } = image;
        const fileSystem = { type, uuid: id };
        return { fd, path, fileSystem, device: device.path, detach: () => closeSync(fd) };
      } catch (thrown) {
        closeSync(fd);
        if (thrown instanceof RefusalError) throw thrown;
        throw refusals.notAttached(name, image.path, errorMessage(thrown));
      }
    },

    check: (attached) => fileSystemNamed(attached.fileSystem.type).check(attached),

    async deviceNumber({ name }) {
      const end = performance.now() + deviceLimitMs;
      for (;;) {
        const device = findLoopDevice(base, name);
        if (device !== undefined) return device.number;
        const image = findImage(base, name);
        if (image === undefined || !isLocked(native, image)) return undefined;
        // The image is locked, but no loop device shows it: a device is being attached or detached, or was set up by another
        // path.
        if (performance.now() > end) throw refusals.stillAttached(name, image.path, undefined);
        await sleep(pollMs);
      }
    },

    async extend({ name }, wanted) {
      const image = findImage(base, name);
      if (image === undefined) throw refusals.imageMissing(name, base);
      const why = fileSystemNamed(image.type).whyNoGrowth();
      if (why !== undefined) throw refusals.cannotGrow(name, why);
      const fd = openImage(image);
      try {
        const { size } = fstatSync(fd);
        if (wanted < size) throw refusals.cannotShrink(name, size);
        try {
          await allocate({ path: image.path, fd }, wanted);
        } catch (thrown) {
          // Some of the additional space may have been allocated already; it is released.
          ftruncateSync(fd, size);
          throw thrown;
        }
        fsyncSync(fd);
      } catch (thrown) {
        throw thrown instanceof RefusalError
          ? thrown
          : refusals.noRoomToGrow(name, image.path, errorMessage(thrown));
      } finally {
        closeSync(fd);
      }
    },

    async withDevice({ name }, use) {
      const image = findImage(base, name);
      if (image === undefined) throw refusals.imageMissing(name, base);
      const { path, type, id } = image;
      const fd = openImage(image);
      try {
        await use({ fd, path, fileSystem: { type, uuid: id } }, findLoopDevice(base, name)?.path);
      } finally {
        closeSync(fd);
      }
    },

    ownsDevice(number) {
      const device = loopDeviceOf(number);
      return device !== undefined && volumeOfDevice(base, device) !== undefined;
    },

    listVolumes: async () => listImages(base).map(({ volume, id }) => ({ name: volume, id })),

    async removeUnfinished() {
      for (const path of listUnfinishedImages(base)) await rm(path);
    },

    async findGarbage(isKnown) {
      const removeSnapshot = (id: string) => rm(unfinishedSnapshotPath(base, id), { force: true });
      return [
        ...findUnfinishedImages(base, native),
        ...(await findSnapshotGarbage(base, isKnown, removeSnapshot)),
      ];
    },

    trash: loopTrash(base, native),
    snapshots: loopSnapshots({ base, native, replay }),
    claims: null,
    hostHold: null,
    devices: { read: async () => listLoopDevices(base) },
    sizes: { read: () => imageSizes(base) },
  };
}

/** Checks that this host can create loop devices. @throws Failure config when it cannot */
export function requireLoopDevices(): void {
  try {
    accessSync('/dev/loop-control', constants.R_OK | constants.W_OK);
  } catch (thrown) {
    throw new Failure(
      'config',
      `cannot create loop devices: /dev/loop-control: ${errorCode(thrown) ?? errorMessage(thrown)}`,
      'run the castle as root, with the /dev of the host and the module loop',
    );
  }
}
