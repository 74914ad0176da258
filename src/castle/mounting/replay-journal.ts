import { type ImageToMount, runMountProgram } from './mounter.ts';

/** How long a replay may take, in milliseconds. */
const limitMs = 60_000;

/**
 * Replays the journal of a copied image or device: mounts its file system without attaching the mount to a folder, and
 * unmounts it.
 * @throws Error when the file system cannot be mounted
 */
export type ReplayJournal = (image: ImageToMount) => Promise<void>;

/** @param program path of castle-mount */
export function createJournalReplay(program: string): ReplayJournal {
  return async ({ fd, path, isDevice, fileSystem: { type, uuid } }) => {
    const args = ['replay', type, uuid, isDevice === true ? path : 'new'];
    // castle-mount expects an image on descriptor 5. Descriptors 3 and 4 (namespace and root) are not used here.
    const result = await runMountProgram(program, args, ['ignore', 'ignore', fd], limitMs);
    if (!result.ok)
      throw new Error(`the journal of ${path} cannot be replayed: ${result.step}: ${result.error}`);
  };
}
