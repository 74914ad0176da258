import { join } from 'node:path';
import { below, isEntryOf, nfsFolder, type SourceFolder } from '../../../linux/mountinfo.ts';
import { Failure } from '../../../terminal/failure.ts';
import type { Mounter } from '../../mounting/mounter.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Backend } from '../backend.ts';
import { prepareFolder } from '../durable-folder.ts';
import { loadCastleId, NfsClaims } from './claims.ts';
import { NfsExport } from './export.ts';
import { NfsFolders } from './folders.ts';
import { NoNfsClientError } from './refusals.ts';
import type { NfsSettings } from './settings.ts';
import { nfsTrash } from './trash.ts';

/** The prefix of a folder that is being created; no volume name starts with a dot. */
const unfinished = '.creating-';

/** The dependencies of the backend. */
interface NfsDeps {
  readonly mounter: Mounter;
  readonly mountProgram: string;
  readonly state: string;
}

/**
 * The backend `nfs`: a folder for each volume on an NFS export, mounted in each container directly from the server. The
 * export is never mounted on the host, and the castle's own process never accesses it.
 *
 * Castles on other hosts may use the same export. A host claims the volumes that its containers use. A claim never expires,
 * because a host that does not answer may still be writing.
 * @throws Failure cannotCreate; config when this kernel has no NFS client
 */
export async function nfsBackend(settings: NfsSettings, deps: NfsDeps): Promise<Backend> {
  const { mounter, mountProgram } = deps;
  const base = await prepareFolder(join(deps.state, 'nfs'));
  const castle = await loadCastleId(base);
  const server = new NfsExport(settings, mountProgram);
  const claims = new NfsClaims(server, castle);
  const folders = new NfsFolders(server);
  const { host, path } = settings;
  const description = `NFS export ${host}:${path}`;
  /** Computed at each use, because the server's address may be unknown at first, or change. */
  const all = (): SourceFolder => nfsFolder(host, path, server.address);
  await checkClient(server);

  const making = new Set<string>();
  /** Returns the temporary name of a volume's folder, while this castle creates it. */
  const made = (volume: string) => `${unfinished}${castle}-${volume}`;

  return {
    name: 'nfs',
    description,
    base,
    find: async (volume) => ((await folders.exists(volume)) ? { name: volume } : undefined),

    async create({ name, owner }) {
      const what = `volume ${name} cannot be created`;
      await claims.withClaim(name, async () => {
        // Another host may have just created the volume.
        if (await folders.exists(name)) return;
        await folders.removeTree(made(name));
        making.add(made(name));
        try {
          await folders.create(what, made(name), owner);
          await folders.move(what, made(name), name);
        } catch (thrown) {
          await folders.removeTree(made(name)).catch(() => undefined);
          throw thrown;
        } finally {
          making.delete(made(name));
        }
      });
    },

    async discardEmpty({ name }) {
      const gone = await claims.withClaim(name, () => folders.removeEmpty(name));
      // The volume no longer has a record in the store, so nothing else would release its claim.
      if (gone) await claims.release(name);
      return gone;
    },

    /**
     * Removes only this castle's unfinished folders. Skips those that are being created now, because a server may become
     * reachable only after this castle has begun to use it.
     */
    async removeUnfinished() {
      await claims.removeStale();
      for (const entry of await folders.list('.')) {
        const isLeftOver = entry.startsWith(`${unfinished}${castle}-`) && !making.has(entry);
        if (isLeftOver) await folders.removeTree(entry);
      }
    },

    // Empty, because other hosts have folders on the export too; removeUnfinished removes what this castle left behind.
    listVolumes: async () => [],
    findGarbage: async () => [],

    canMapIds: false,
    source: async ({ name }) => below(all(), name),
    hostLocation: () => undefined,
    ownsMount: (mount) => isEntryOf(mount, all()),

    async mount(into, { name }, target, options) {
      await claims.claimForUse(name);
      const folder = { source: `${host}:${join(path, name)}`, options: await server.containerOptions() };
      return mounter.mountNfs(into, folder, target, options);
    },

    trash: nfsTrash(folders, claims, all),
    snapshots: null,
    growth: null,
    claims,
    hostHold: { releaseUnused: ({ name }) => claims.release(name) },
    devices: null,
    sizes: null,
  };
}

/** Checks that the kernel has an NFS client. The server need not be reachable when the castle starts. */
async function checkClient(server: NfsExport): Promise<void> {
  try {
    await server.run(['kind', '.']);
  } catch (thrown) {
    if (thrown instanceof NoNfsClientError) throw new Failure('config', thrown.sentence, thrown.remedy);
    // Any other failure is reported by the reconciliation of the volumes, which is repeated.
    if (!(thrown instanceof RefusalError)) throw thrown;
  }
}
