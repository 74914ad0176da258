import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { checkStore, openStore, type Store, storeFile } from './store.ts';

/** More than LMDB's lock file and the first pages of a new store take, in bytes. */
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
 * Opens the store in a locked folder. An existing file is verified first: LMDB maps it without checks, and a damaged one
 * would end the process by a signal.
 * @throws Failure io when the store is damaged, cannotCreate also when the disk is full
 */
export function openState(folder: string): Store {
  needRoom(folder);
  checkStore(folder);
  return openStore(folder);
}

/**
 * LMDB creates its lock file sparse and writes to it through a mapping: without room for its blocks, SIGBUS ends the
 * process (Linux 6.18). One process needs no more of it than the first block.
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
