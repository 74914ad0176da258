import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  type Stats,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readStatus } from '../../linux/proc.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { formatSize } from '../../terminal/size.ts';
import { checkStore, mapSizeBytes, openStore, type Store, storeFile } from './store.ts';

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
 * @throws Failure io when the store is damaged; cannotCreate when it cannot be created, for example because the disk is full;
 *   config when the address space of this process is limited too much
 */
export function openState(folder: string): Store {
  const storeBytes = sizeOf(storeFile(folder));
  prepareLockFile(folder);
  // An empty or missing file is valid: a castle may have ended before LMDB wrote its first pages.
  if (storeBytes > 0) checkStore(folder);
  checkAddressSpace();
  checkDescriptors(folder);
  return openStore(folder);
}

/** @throws Failure cannotCreate when the disk has no space for a new lock file and the first pages of a new store */
function needRoom(folder: string): void {
  const { blocks, bfree, bsize } = statfsSync(folder);
  if (blocks === 0) return; // a file system that does not report its size
  if (bfree * bsize >= roomToBegin) return;
  throw new Failure(
    'cannotCreate',
    `the disk of the state folder ${folder} is full: ${bfree * bsize} bytes are free`,
    `free at least ${roomToBegin} bytes`,
  );
}

/**
 * The size of a file in bytes, 0 when it does not exist.
 * @throws Failure cannotCreate when something else than a regular file has the name
 */
function sizeOf(path: string): number {
  let file: Stats | undefined;
  try {
    file = statSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    throw new Failure('cannotCreate', `the castle's state ${path} cannot be used: ${errorMessage(thrown)}`);
  }
  if (file?.isFile() === false) throw notAFile(path);
  return file?.size ?? 0;
}

/**
 * Checks that the address space has room for the mapping of the store. When LMDB cannot map an existing file, the process
 * ends by SIGSEGV (lmdb-js 3.5).
 * @throws Failure config
 */
function checkAddressSpace(): void {
  const [, limit = ''] = /^Max address space +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  if (limit === '') return; // unlimited
  const usedBytes = Number.parseInt(readStatus(process.pid).get('VmSize') ?? '0', 10) * 1024;
  if (Number(limit) - usedBytes >= mapSizeBytes) return;
  throw new Failure(
    'config',
    `the castle cannot map its store: its address space is limited to ${limit} bytes, it uses ${usedBytes}, and the store needs ${formatSize(mapSizeBytes)}`,
    'remove the limit: ulimit -v unlimited, or LimitAS=infinity in the unit of systemd',
  );
}

/** How many descriptors LMDB opens, and one more: the data file twice, the lock file, a folder. */
const storeDescriptors = 5;

/**
 * Checks that the process can open the files of the store. When LMDB can open only some of them, the process ends by SIGSEGV
 * (lmdb-js 3.5).
 * @throws Error EMFILE, ENFILE
 */
function checkDescriptors(folder: string): void {
  const opened: number[] = [];
  try {
    for (let n = 0; n < storeDescriptors; n++) opened.push(openSync(folder, constants.O_RDONLY));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** The first block of LMDB's lock file; a single process uses no more. */
const lockBytes = 4096;

/**
 * Makes sure that LMDB's lock file is a regular file and has its first block.
 *
 * LMDB creates the file sparse and writes to it through a mapping: if the disk has no block for it, SIGBUS ends the process
 * (Linux 6.18). When LMDB cannot create or map the file, because no inode is free or another kind of file has its name, SIGSEGV
 * ends the process (lmdb-js 3.5). Zeros are fine: the only process that has the file open initializes it.
 * @throws Failure cannotCreate
 */
function prepareLockFile(folder: string): void {
  const path = `${storeFile(folder)}-lock`;
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = openSync(path, flags, 0o600);
    try {
      const file = fstatSync(fd);
      if (!file.isFile()) throw notAFile(path);
      if (file.blocks === 0) {
        needRoom(folder);
        writeSync(fd, Buffer.alloc(lockBytes));
      }
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
