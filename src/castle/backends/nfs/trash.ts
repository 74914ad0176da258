import { below, type SourceFolder } from '../../../linux/mountinfo.ts';
import type { Trash } from '../trash.ts';
import type { NfsClaims } from './claims.ts';
import type { NfsFolders } from './folders.ts';
import { nameTaken } from './refusals.ts';

/** The folder of the trash, as in the backend `local`: no volume name starts with a dot, or contains the separator. */
const folderName = '.trash';
const separator = '~';

/** The folder to which volumes are moved before they are purged; no host can restore a volume from it. */
const removing = '.removing';

/** The time limit for removing one volume, in milliseconds. The next attempt continues the removal. */
const removeWithinMs = 3_600_000;

/**
 * The trash on an export. Castles on other hosts see the volumes that this castle deletes, and may restore them.
 * @param all returns how mountinfo shows the export
 */
export function nfsTrash(folders: NfsFolders, claims: NfsClaims, all: () => SourceFolder): Trash {
  const kept = (volume: string, id: string) => `${folderName}/${volume}${separator}${id}`;
  const removed = (volume: string, id: string) => `${removing}/${volume}${separator}${id}`;
  return {
    has: (volume, id) => folders.exists(kept(volume, id)),

    async source(volume, id) {
      return (await folders.exists(kept(volume, id))) ? below(all(), kept(volume, id)) : undefined;
    },

    async put(volume, id) {
      await claims.withClaim(volume, async () => {
        if (await folders.exists(kept(volume, id))) return;
        await folders.ensure(folderName);
        await folders.move(`volume ${volume} cannot be deleted`, volume, kept(volume, id));
      });
    },

    async restore(volume, id) {
      await claims.withClaim(volume, async () => {
        if (await folders.exists(volume)) {
          if (await folders.exists(kept(volume, id))) throw nameTaken(volume);
          return;
        }
        await folders.move(`volume ${volume} cannot be restored`, kept(volume, id), volume);
      });
    },

    async purge(volume, id) {
      if (await folders.exists(kept(volume, id))) {
        await folders.ensure(removing);
        await folders.move(`volume ${volume} cannot be removed`, kept(volume, id), removed(volume, id));
      }
      await folders.removeTree(removed(volume, id), removeWithinMs);
    },

    async list() {
      return (await folders.list(folderName)).flatMap((entry) => {
        const [volume, id, ...more] = entry.split(separator);
        return volume === undefined || id === undefined || more.length > 0 ? [] : [{ volume, id }];
      });
    },
  };
}
