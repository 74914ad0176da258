import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { volumeNameFault } from '../../../protocol/volume-name.ts';
import { errorCode, errorMessage } from '../../../terminal/failure.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Owner } from '../backend.ts';
import type { Directories } from '../directories.ts';
import { giveName, prepareFolder } from '../folder.ts';
import { strayFile } from '../loop/unfinished-images.ts';
import { makeSubvolume } from './btrfs-subvolume.ts';
import { removeTree } from './folder-copy.ts';
import { localSnapshots } from './local-snapshots.ts';
import { localTrash } from './local-trash.ts';

/** Begins the name of a folder that is being made; no volume's name starts with a dot. */
const unfinished = '.creating-';

/**
 * The backend `local`: a folder per volume in one folder of the host.
 * @param folder made when it isn't there, for root alone: containers reach their own volume only through their mount
 * @throws Failure cannotCreate when it can't be used
 */
export async function localDirectories(folder: string): Promise<Directories> {
  const base = await prepareFolder(folder);
  const pathOf = (volume: string) => join(base, volume);
  /** Folders that are being made just now. */
  const making = new Set<string>();
  return {
    name: 'local',
    description: `local folder ${base}`,
    base,
    path: pathOf,
    trash: localTrash(base),
    snapshots: localSnapshots(base, unfinished, making),

    async exists(volume) {
      return isFolder(pathOf(volume));
    },

    async create(volume, owner) {
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
          'see to the space and the permissions of that folder on the host',
        );
      }
    },

    async removeEmpty(volume) {
      try {
        await rmdir(pathOf(volume)); // never more than a folder without entries: rmdir(2)
        return true;
      } catch (thrown) {
        if (errorCode(thrown) === 'ENOENT') return true;
        if (errorCode(thrown) === 'ENOTEMPTY' || errorCode(thrown) === 'EBUSY') return false;
        throw thrown;
      }
    },

    async found() {
      const entries = await readdir(base, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory() && isVolumeName(entry.name))
        .map(({ name }) => name);
    },

    async unfinished() {
      const entries = await readdir(base);
      return entries
        .filter((entry) => entry.startsWith(unfinished))
        .map((entry) => join(base, entry))
        .filter((path) => !making.has(path))
        .map((path) => strayFile(path, () => existsSync(path) && !making.has(path)));
    },

    async sweep() {
      for (const entry of await readdir(base)) {
        if (entry.startsWith(unfinished)) await removeTree(join(base, entry));
      }
    },
  };
}

const isVolumeName = (name: string): boolean => volumeNameFault(name) === undefined;

/** A symlink or file in the place of a volume was not made by us and is never followed or replaced. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isDirectory()) return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
  throw new RefusalError(
    'backend_failed',
    `${path} is there, but not a folder`,
    'look at it on the host; it was left as it is',
  );
}

/** The folder appears under its name only when its owner is right: a container never sees it half made. */
async function createWhole(base: string, temporary: string, path: string, owner: Owner): Promise<void> {
  try {
    // On a btrfs each volume is a subvolume, of which a snapshot is a matter of milliseconds.
    if (!(await makeSubvolume(temporary, base))) await mkdir(temporary);
    await chown(temporary, owner.uid, owner.gid);
    await chmod(temporary, 0o755);
    await giveName(temporary, path);
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true });
    throw thrown;
  }
}
