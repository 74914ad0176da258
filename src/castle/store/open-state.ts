import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { checkStore, openStore, type Store, storeFile } from './store.ts';

/** The free space that opening requires, in bytes: more than LMDB's lock file and the first pages of a new store take. */
const roomToBegin = 64 * 1024;

/**
 * Creates the state folder.
 * @throws Failure cannotCreate
 */
export function makeStateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw new Failure('cannotCreate', `the state folder ${folder} cannot be used: ${errorMessage(thrown)}`);
  }
}

/**
 * Opens the store in a locked folder. An existing file is verified first: LMDB maps it without checks, and a damaged file
 * would end the process by a signal.
 * @throws Failure io when the store is damaged; cannotCreate when it cannot be created, for example because the disk is full
 */
export function openState(folder: string): Store {
  needRoom(folder);
  checkStore(folder);
  return openStore(folder);
}

/**
 * Checks that the disk has space. LMDB creates its lock file sparse and writes to it through a mapping: if the disk has no
 * block for it, SIGBUS ends the process (Linux 6.18). One process uses only the first block of the lock file.
 * @throws Failure cannotCreate
 */
function needRoom(folder: string): void {
  const lock = statSync(`${storeFile(folder)}-lock`, { throwIfNoEntry: false });
  if (lock !== undefined && lock.blocks > 0) return;
  const { blocks, bfree, bsize } = statfsSync(folder);
  if (blocks === 0) return; // a file system that does not report its size
  if (bfree * bsize >= roomToBegin) return;
  throw new Failure(
    'cannotCreate',
    `the state folder ${folder} has no room: ${bfree * bsize} bytes are free on its disk`,
    `make ${roomToBegin} bytes free`,
  );
}
