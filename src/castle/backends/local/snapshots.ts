import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../../terminal/failure.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { pathExists, renameDurably } from '../durable-folder.ts';
import {
  prepareSnapshotFolder,
  type StoredSnapshot,
  snapshotFolder,
  snapshotPath,
  storedSnapshots,
  unfinishedSnapshotPath,
} from '../snapshot-names.ts';
import * as refusals from '../snapshot-refusals.ts';
import type { Snapshots } from '../snapshots.ts';
import { deleteSubvolume, isSubvolume, snapshotSubvolume } from './btrfs-subvolume.ts';
import { copyLiveFolder, copyQuietFolder, measureSpace, removeTree, syncFileSystem } from './copy-folder.ts';
import { folderSnapshotContent } from './snapshot-archive.ts';

/**
 * Snapshots of folders, in DIR/.snapshots: a read-only snapshot of a btrfs subvolume, or else a copy, file by file. A btrfs
 * snapshot contains the data that is on disk at that moment, and btrfs writes dirty pages file by file: data written in the same few
 * milliseconds may be in one file and not yet in another (observed on Linux 6.18).
 * @param base the folder of the volumes
 * @param unfinished the prefix of folders in base that are being created, which the backend removes at start
 * @param making the paths of folders that are being created now: garbage collection skips them
 */
export function localSnapshots(base: string, unfinished: string, making: Set<string>): Snapshots {
  const findSnapshot = async (id: string) => (await storedSnapshots(base)).find((one) => one.id === id);

  return {
    freeze: null,

    async begin({ name }, id, taken) {
      if ((await findSnapshot(id)) !== undefined) return { completed: Promise.resolve({}) };
      const from = join(base, name);
      const whole = { volume: name, id, taken };
      try {
        await prepareSnapshotFolder(base);
        await removeTree(unfinishedSnapshotPath(base, id));
        if (await isSubvolume(from)) {
          // Without this, the snapshot may contain a much older state of a file that is being appended to (Linux 6.18).
          await syncFileSystem(from);
          // Created atomically under its final name, because a read-only subvolume cannot be renamed.
          await snapshotSubvolume(from, snapshotPath(base, whole), 'ro');
          return { completed: syncFileSystem(base).then(() => ({})) };
        }
        const { requiredBytes, freeBytes } = await measureSpace(from, snapshotFolder(base));
        if (requiredBytes > freeBytes) throw refusals.noRoomForSnapshot(name, requiredBytes, freeBytes);
        await copyLiveFolder(from, unfinishedSnapshotPath(base, id));
        return { completed: finish(base, whole, requiredBytes) };
      } catch (thrown) {
        await removeTree(unfinishedSnapshotPath(base, id));
        throw thrown instanceof RefusalError ? thrown : refusals.snapshotFailed(name, errorMessage(thrown));
      }
    },

    // An incomplete copy cannot be continued by another castle.
    resume: async () => undefined,
    list: () => storedSnapshots(base),
    content: folderSnapshotContent(base),

    async createVolume({ id }, { name, id: volumeId, sizeBytes }) {
      const from = await findSnapshot(id);
      if (from === undefined || from.type !== undefined) throw refusals.noSuchSnapshot(id);
      if (sizeBytes !== undefined) throw refusals.noOwnSize(name);
      if (await pathExists(join(base, name))) throw refusals.volumeExists(name);
      const path = join(base, `${unfinished}${volumeId}`);
      making.add(path);
      try {
        if (await isSubvolume(from.path)) {
          await snapshotSubvolume(from.path, path, 'rw');
        } else {
          const { requiredBytes, freeBytes } = await measureSpace(from.path, base);
          if (requiredBytes > freeBytes) throw refusals.noRoomForVolume(name, requiredBytes, freeBytes);
          await copyQuietFolder(from.path, path);
        }
        await syncFileSystem(base);
        await renameDurably(path, join(base, name));
      } catch (thrown) {
        await removeTree(path);
        throw thrown instanceof RefusalError ? thrown : refusals.restoreFailed(name, errorMessage(thrown));
      } finally {
        making.delete(path);
      }
    },

    async remove(id) {
      const there = await findSnapshot(id);
      const nameless = unfinishedSnapshotPath(base, id);
      if (there !== undefined && (await isSubvolume(there.path))) await deleteSubvolume(there.path);
      // Renamed first, atomically: after a crash, a partly removed snapshot must not be listed as a complete one.
      else if (there !== undefined) await rename(there.path, nameless);
      await removeTree(nameless);
    },
  };
}

/** Renames a copy to its final name after all of its data is on disk. */
async function finish(
  base: string,
  whole: Omit<StoredSnapshot, 'path'>,
  sizeBytes: number,
): Promise<{ readonly sizeBytes: number }> {
  await syncFileSystem(base);
  await renameDurably(unfinishedSnapshotPath(base, whole.id), snapshotPath(base, whole));
  return { sizeBytes };
}
