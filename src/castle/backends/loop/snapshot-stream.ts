import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { errorMessage } from '../../../terminal/failure.ts';
import type { FileSystem } from '../../file-systems/file-system.ts';
import { readIdentity } from '../../file-systems/superblock.ts';
import { findFileSystem } from '../../file-systems/types.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { renameDurably } from '../durable-folder.ts';
import {
  prepareSnapshotFolder,
  snapshotPath,
  storedSnapshots,
  unfinishedSnapshotPath,
} from '../snapshot-names.ts';
import { fetchFailed, noSuchSnapshot, wrongFormat } from '../snapshot-refusals.ts';
import type { SnapshotContent } from '../snapshots.ts';

/**
 * Reads and writes the content of image snapshots: the image, byte by byte.
 * @param base the folder of the images
 */
export function imageSnapshotContent(base: string): SnapshotContent {
  return {
    async read(id) {
      const there = (await storedSnapshots(base)).find((one) => one.id === id);
      if (there?.type === undefined) throw noSuchSnapshot(id);
      const { path, type } = there;
      return { format: type, stream: createReadStream(path), atMostBytes: statSync(path).size };
    },

    async write({ id, volume, taken }, format, from) {
      const type = findFileSystem(format);
      if (type === undefined) throw wrongFormat(id, format);
      const path = unfinishedSnapshotPath(base, id);
      try {
        await prepareSnapshotFolder(base);
        await pipeline(from, createWriteStream(path, { mode: 0o600 }));
        const volumeId = await syncAndIdentify(path, type);
        await renameDurably(path, snapshotPath(base, { id, volume, volumeId, taken, type: format }));
        return { volumeId };
      } catch (thrown) {
        from.destroy();
        await rm(path, { force: true });
        throw thrown instanceof RefusalError ? thrown : fetchFailed(id, errorMessage(thrown));
      }
    },
  };
}

/**
 * Writes an image to disk and reads the UUID of its file system.
 * @throws Error when the file system is missing or truncated
 */
async function syncAndIdentify(path: string, type: FileSystem): Promise<string> {
  const file = await open(path, 'r');
  try {
    await file.sync();
    const found = readIdentity(file.fd, type);
    if (found === undefined) throw new Error(`its content is not an ${type.name} file system`);
    const { size } = await file.stat();
    if (size < found.sizeBytes) throw new Error('its file system is truncated');
    return found.uuid;
  } finally {
    await file.close();
  }
}
