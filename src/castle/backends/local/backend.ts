import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { below, isEntryOf, sourceFolder } from '../../../linux/mountinfo.ts';
import { volumeNameFault } from '../../../protocol/volume-name.ts';
import { errorCode, errorMessage } from '../../../terminal/failure.ts';
import type { Mounter } from '../../mounting/mounter.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Backend, Owner } from '../backend.ts';
import { prepareFolder, renameDurably } from '../durable-folder.ts';
import { findSnapshotGarbage } from '../snapshot-garbage.ts';
import { unfinishedSnapshotPath } from '../snapshot-names.ts';
import { unfinishedFile } from '../unfinished-file.ts';
import { makeSubvolume } from './btrfs-subvolume.ts';
import { removeTree } from './copy-folder.ts';
import { localSnapshots } from './snapshots.ts';
import { localTrash } from './trash.ts';

/** The prefix of a folder that is being created; no volume name starts with a dot. */
const unfinished = '.creating-';

/**
 * The backend `local`: one folder for each volume, inside a folder of the host. A mount of a volume is a bind mount of its
 * folder.
 * @param folder created when it does not exist, accessible to root only: containers access a volume only through its mount
 * @throws Failure cannotCreate when the folder cannot be used
 */
export async function localBackend(folder: string, mounter: Mounter): Promise<Backend> {
  const base = await prepareFolder(folder);
  const source = sourceFolder(base);
  const pathOf = (volume: string) => join(base, volume);
  /** Folders that are being created now. */
  const making = new Set<string>();
  return {
    name: 'local',
    description: `local folder ${base}`,
    base,

    async find(volume) {
      return (await isFolder(pathOf(volume))) ? { name: volume } : undefined;
    },

    async create({ name: volume, owner }) {
      try {
        if (await isFolder(pathOf(volume))) return;
        const temporary = join(base, `${unfinished}${randomUUID()}`);
        making.add(temporary);
        await createWhole(base, temporary, pathOf(volume), owner).finally(() => making.delete(temporary));
      } catch (thrown) {
        if (thrown instanceof RefusalError) throw thrown;
        throw new RefusalError(
          'backend_failed',
          `volume ${volume} cannot be created in ${base}: ${errorCode(thrown) ?? errorMessage(thrown)}`,
          'check the free space and the permissions of that folder on the host',
        );
      }
    },

    async discardEmpty({ name: volume }) {
      try {
        await rmdir(pathOf(volume)); // removes only a folder without entries: rmdir(2)
        return true;
      } catch (thrown) {
        if (errorCode(thrown) === 'ENOENT') return true;
        if (errorCode(thrown) === 'ENOTEMPTY' || errorCode(thrown) === 'EBUSY') return false;
        throw thrown;
      }
    },

    async removeUnfinished() {
      for (const entry of await readdir(base)) {
        if (entry.startsWith(unfinished)) await removeTree(join(base, entry));
      }
    },

    async listVolumes() {
      const entries = await readdir(base, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory() && isVolumeName(entry.name))
        .map(({ name }) => ({ name }));
    },

    async findGarbage(isKnown) {
      const unfinishedFolders = (await readdir(base))
        .filter((entry) => entry.startsWith(unfinished))
        .map((entry) => join(base, entry))
        .filter((path) => !making.has(path))
        .map((path) => unfinishedFile(path, () => existsSync(path) && !making.has(path)));
      const removeSnapshot = (id: string) => removeTree(unfinishedSnapshotPath(base, id));
      return [...unfinishedFolders, ...(await findSnapshotGarbage(base, isKnown, removeSnapshot))];
    },

    canMapIds: true,
    source: async ({ name }) => sourceFolder(pathOf(name)),
    hostLocation: (volume) => below(source, volume),
    ownsMount: (mount) => isEntryOf(mount, source),
    mount: (into, { name }, target, options) => mounter.mount(into, pathOf(name), target, options),

    trash: localTrash(base),
    snapshots: localSnapshots(base, unfinished, making),
    growth: null,
    claims: null,
    hostHold: null,
    devices: null,
    sizes: null,
  };
}

const isVolumeName = (name: string): boolean => volumeNameFault(name) === undefined;

/**
 * Whether the path is a folder. The castle did not create a symlink or a file in the place of a volume, and never follows or
 * replaces it.
 */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isDirectory()) return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
  throw new RefusalError(
    'backend_failed',
    `${path} exists, but is not a folder`,
    'check it on the host; it was not changed',
  );
}

/**
 * Creates the folder under a temporary name, and renames it after its owner is set, so that containers never see an
 * incomplete volume.
 */
async function createWhole(base: string, temporary: string, path: string, owner: Owner): Promise<void> {
  try {
    // On btrfs each volume is a subvolume, so that a snapshot takes milliseconds.
    if (!(await makeSubvolume(temporary, base))) await mkdir(temporary);
    await chown(temporary, owner.uid, owner.gid);
    await chmod(temporary, 0o755);
    await renameDurably(temporary, path);
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true });
    throw thrown;
  }
}
