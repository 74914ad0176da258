import { below, isEntryOf, sourceFolder } from '../../linux/mountinfo.ts';
import type { Stray } from '../housekeeping/stray.ts';
import type { Mounter } from '../mounting/mounter.ts';
import type { Backend, Owner, Trash } from './backend.ts';
import type { FolderSnapshots } from './local/local-snapshots.ts';
import { noSizeOfItsOwn } from './refusals.ts';

/** The family of backends that have a folder per volume. Each call may be repeated, as those of Backend. */
export interface Directories {
  readonly name: string;
  readonly description: string;
  /** The folder that has all of them. */
  readonly base: string;
  /** A volume's folder, an absolute path without symlinks. */
  path(volume: string): string;
  /** @throws RefusalError backend_failed when something else has that name */
  exists(volume: string): Promise<boolean>;
  /** @throws RefusalError backend_failed */
  create(volume: string, owner: Owner): Promise<void>;
  /** @returns whether the folder is gone; false when something is in it */
  removeEmpty(volume: string): Promise<boolean>;
  sweep(): Promise<void>;
  /** The names of all that lie here. */
  found?(): Promise<readonly string[]>;
  /** What interrupted work left behind. */
  unfinished?(): Promise<readonly Stray[]>;
  /** Where deleted ones are kept; without it none is deleted. */
  readonly trash?: Trash;
  /** Copies of folders at a moment; without it none is made. */
  readonly snapshots?: FolderSnapshots;
}

/** A backend whose volumes are folders: a mount of one is a mount of that part of the host's file system. */
export function directoriesBackend(directories: Directories, mounter: Mounter): Backend {
  const { name, description, base, path, trash, snapshots } = directories;
  const all = sourceFolder(base);
  return {
    name,
    description,
    base,
    find: async (volume) => ((await directories.exists(volume)) ? { name: volume } : undefined),
    create: (volume) => directories.create(volume.name, volume.owner),
    discardEmpty: (volume) => directories.removeEmpty(volume.name),
    sweep: () => directories.sweep(),
    source: async (volume) => sourceFolder(path(volume.name)),
    place: (volume) => below(all, volume),
    shows: (mount) => isEntryOf(mount, all),
    async grow({ name: volume }) {
      throw noSizeOfItsOwn(volume, description);
    },
    mount: (into, volume, target, options) => mounter.mount(into, path(volume.name), target, options),
    ...(trash === undefined ? {} : { trash }),
    ...(snapshots === undefined ? {} : { snapshots, strays: snapshots.strays }),
    found: async () => ((await directories.found?.()) ?? []).map((name) => ({ name })),
    unfinished: async () => (await directories.unfinished?.()) ?? [],
  };
}
