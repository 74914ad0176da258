import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { damaged, openStore, type Store, storeFile } from './store.ts';

/** What LMDB's lock file and the first pages of a new store take, and some, in bytes. */
const roomToBegin = 64 * 1024;

/** How long the look at a store may take, in milliseconds. */
const lookWithinMs = 30_000;

/**
 * Makes the state folder.
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
 * Opens the store in a folder that is claimed. What is there already is read through by another process first: LMDB
 * maps the file and trusts it, so a damaged one ends whoever reads it, without a word.
 * @param program the castle's own command line, which has the command `check-state`
 * @throws Failure io when the store is damaged, cannotCreate also when there is no room to begin
 */
export function openState(folder: string, program: string): Store {
  needRoom(folder);
  if (existsSync(storeFile(folder))) {
    const look = spawnSync(process.execPath, [program, 'check-state', folder], {
      encoding: 'utf8',
      timeout: lookWithinMs,
      killSignal: 'SIGKILL',
    });
    if (look.error !== undefined) throw look.error;
    if (look.status !== 0) throw damaged(folder, look.signal ?? lastLine(look.stderr));
  }
  return openStore(folder);
}

/**
 * LMDB makes its lock file without allocating it, and writes to it in memory: without room for that, SIGBUS ends the
 * process (Linux 6.18), which would pass for a damaged store. A lock file that is there has its room.
 * @throws Failure cannotCreate
 */
function needRoom(folder: string): void {
  if (existsSync(`${storeFile(folder)}-lock`)) return;
  const { blocks, bfree, bsize } = statfsSync(folder);
  if (blocks === 0) return; // a file system that does not tell
  if (bfree * bsize >= roomToBegin) return;
  throw new Failure(
    'cannotCreate',
    `the state folder ${folder} has no room: ${bfree * bsize} bytes are free on its disk`,
    `make ${roomToBegin} bytes free`,
  );
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';
