import { mkdir } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { describeEnd, startProgram } from '../../../linux/run-program.ts';
import { errorMessage } from '../../../terminal/failure.ts';
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
import { measureSpace, removeTree, syncFileSystem } from './copy-folder.ts';
import { preserveMetadata, unpackArchive } from './unpack-archive.ts';

const format = 'tar';
/** The upper bound of the archive's size per byte on disk: the headers of small files can take more space than the files. */
const perByteOnDisk = 2;
/** The minimum upper bound, in bytes; larger than an empty archive. */
const leastBytes = 2 ** 20;

/**
 * The content of snapshots of folders: an archive of tar(1), with owners as numbers, holes, ACLs and attributes.
 * @param base the folder of the volumes
 */
export function folderSnapshotContent(base: string): SnapshotContent {
  return {
    async read(id) {
      const there = (await storedSnapshots(base)).find((one) => one.id === id);
      if (there === undefined || there.type !== undefined) throw noSuchSnapshot(id);
      const { requiredBytes } = await measureSpace(there.path, base);
      const atMostBytes = requiredBytes * perByteOnDisk + leastBytes;
      return { format, stream: createArchive(there.path), atMostBytes };
    },

    async write({ id, volume, taken }, given, from) {
      if (given !== format) throw wrongFormat(id, given);
      const path = unfinishedSnapshotPath(base, id);
      try {
        await prepareSnapshotFolder(base);
        await removeTree(path);
        await mkdir(path, { mode: 0o700 });
        await unpackArchive(from, path);
        await syncFileSystem(base);
        await renameDurably(path, snapshotPath(base, { id, volume, taken }));
        return {};
      } catch (thrown) {
        from.destroy();
        await removeTree(path);
        throw thrown instanceof RefusalError ? thrown : fetchFailed(id, errorMessage(thrown));
      }
    },
  };
}

/**
 * Returns an archive of a folder as a stream. The stream fails when tar fails, so that its reader discards an incomplete
 * archive.
 */
function createArchive(folder: string): Readable {
  const args = [
    '--create',
    '--file=-',
    '--one-file-system',
    ...preserveMetadata,
    `--directory=${folder}`,
    '.',
  ];
  const tar = startProgram('tar', args);
  const out = new PassThrough();
  tar.stdout.pipe(out, { end: false });
  void tar.end.then((end) => {
    if (end.kind === 'exited' && end.exitCode === 0) out.end();
    else out.destroy(new Error(`tar: ${tar.lastMessage() || describeEnd(end)}`));
  });
  out.once('close', () => tar.kill());
  return out;
}
