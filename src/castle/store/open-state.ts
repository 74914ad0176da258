import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
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
  checkIsFile(storeFile(folder));
  prepareLockFile(`${storeFile(folder)}-lock`);
  checkStore(folder);
  return openStore(folder);
}

/**
 * Checks that the disk has space. LMDB creates its lock file sparse and writes to it through a mapping: if the disk has no
 * block for it, SIGBUS ends the process (Linux 6.18). One process uses only the first block of the lock file.
 * @throws Failure cannotCreate
 */
function needRoom(folder: string): void {
  const lock = lstatSync(`${storeFile(folder)}-lock`, { throwIfNoEntry: false });
  if (lock !== undefined && lock.blocks > 0) return;
  const { blocks, bfree, bsize } = statfsSync(folder);
  if (blocks === 0) return; // a file system that does not report its size
  if (bfree * bsize >= roomToBegin) return;
  throw new Failure(
    'cannotCreate',
    `the disk of the state folder ${folder} is full: ${bfree * bsize} bytes are free`,
    `free at least ${roomToBegin} bytes`,
  );
}

/** Checks that a path, if it exists, is a regular file. @throws Failure cannotCreate */
function checkIsFile(path: string): void {
  let isFile: boolean;
  try {
    isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
  } catch (thrown) {
    throw new Failure('cannotCreate', `the castle's state ${path} cannot be used: ${errorMessage(thrown)}`);
  }
  if (!isFile) throw notAFile(path);
}

/** LMDB's lock file has its first block, and the castle needs no more. */
const lockBytes = 4096;

/**
 * Creates LMDB's lock file with its first block; checks that an existing one is a regular file. If LMDB itself cannot create or
 * map the file, because no inode is free or the path is not a regular file, the process ends by SIGSEGV (lmdb-js 3.5). The
 * block contains zeros, because the only process that has the file open initializes it.
 * @throws Failure cannotCreate
 */
function prepareLockFile(path: string): void {
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = openSync(path, flags, 0o600);
    try {
      const file = fstatSync(fd);
      if (!file.isFile()) throw notAFile(path);
      if (file.size === 0) writeSync(fd, Buffer.alloc(lockBytes));
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure(
      'cannotCreate',
      `cannot open the castle's lock file ${path}: ${errorMessage(thrown)}`,
      'check the free space, the free inodes and the permissions of its folder',
    );
  }
}

const notAFile = (path: string): Failure =>
  new Failure('cannotCreate', `${path} is not a regular file`, 'move it away, or set another --state');
