import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mountsOf, sourceFolder } from '../../../linux/mountinfo.ts';
import { errorCode, errorMessage } from '../../../terminal/failure.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { pathExists, syncFolders } from '../durable-folder.ts';
import { type Trash, trashFolderName } from '../trash.ts';

/** Separates the volume's name from the id; no volume name contains it. */
const separator = '~';

/**
 * The trash of the backend `local`.
 * @param base the folder of the volumes
 */
export function localTrash(base: string): Trash {
  const trash = join(base, trashFolderName);
  const placeOf = (volume: string) => join(base, volume);
  const kept = (volume: string, id: string) => join(trash, `${volume}${separator}${id}`);
  return {
    has: (volume, id) => pathExists(kept(volume, id)),

    async source(volume, id) {
      return (await pathExists(kept(volume, id))) ? sourceFolder(kept(volume, id)) : undefined;
    },

    async put(volume, id) {
      if (await pathExists(kept(volume, id))) return;
      refuseMountsIn(placeOf(volume), `volume ${volume}`);
      await move(volume, placeOf(volume), kept(volume, id), async () => {
        await mkdir(trash, { recursive: true, mode: 0o700 });
      });
      await syncFolders(base, trash);
    },

    async restore(volume, id) {
      // Checked first, because rename(2) would replace an empty folder.
      if (await pathExists(placeOf(volume))) {
        if (!(await pathExists(kept(volume, id)))) return;
        throw new RefusalError(
          'busy',
          `volume ${volume} exists again`,
          'delete that one first; then both are kept in the trash',
        );
      }
      await move(volume, kept(volume, id), placeOf(volume));
      await syncFolders(base, trash);
    },

    async purge(volume, id) {
      refuseMountsIn(kept(volume, id), `the deleted volume ${volume}`);
      await rm(kept(volume, id), { recursive: true, force: true });
    },

    async list() {
      const entries = await readdir(trash).catch((thrown: unknown) => {
        if (errorCode(thrown) === 'ENOENT') return [];
        throw thrown;
      });
      return entries.flatMap((entry) => {
        const [volume, id, ...more] = entry.split(separator);
        return volume === undefined || id === undefined || more.length > 0 ? [] : [{ volume, id }];
      });
    },
  };
}

/** Refuses a folder that contains other mount points: their data would be moved to the trash, and finally deleted. */
function refuseMountsIn(path: string, what: string): void {
  const mount = mountsOf('self')?.find(({ point }) => point === path || point.startsWith(`${path}/`));
  if (mount === undefined) return;
  throw new RefusalError(
    'busy',
    `a file system is mounted in ${what}, on ${mount.point}`,
    `umount ${mount.point} first`,
  );
}

async function move(
  volume: string,
  from: string,
  to: string,
  before: () => Promise<void> = async () => undefined,
): Promise<void> {
  try {
    await before();
    await rename(from, to);
  } catch (thrown) {
    throw new RefusalError(
      'backend_failed',
      `volume ${volume} cannot be moved from ${from} to ${to}: ${errorCode(thrown) ?? errorMessage(thrown)}`,
      'check that folder on the host',
    );
  }
}
