import { type ImageToMount, runMountProgram } from './mounter.ts';

/** How long it may take, in milliseconds. */
const withinMs = 60_000;

/**
 * Mounts the file system of a copied image or device nowhere, so that its journal is replayed, and takes it down again.
 * @throws Error when it can't be mounted
 */
export type ReplayJournal = (image: ImageToMount) => Promise<void>;

/** @param program path of castle-mount */
export function createJournalReplay(program: string): ReplayJournal {
  return async ({ fd, path, isDevice, fileSystem: { type, uuid } }) => {
    const args = ['replay', type, uuid, isDevice === true ? path : 'new'];
    // Descriptor 5, as for every image; 3 and 4 are not used.
    const said = await runMountProgram(program, args, ['ignore', 'ignore', fd], withinMs);
    if (!said.ok) throw new Error(`the journal of ${path} cannot be replayed: ${said.step}: ${said.error}`);
  };
}
