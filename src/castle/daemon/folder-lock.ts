import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Native } from '../../linux/native-addon.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';

/**
 * Claims a folder for this castle for as long as it lives, by a lock on the folder itself: kill -9 leaves none behind,
 * and it holds by whatever path the folder is reached.
 * @param what the folder's duty, for the sentence: `state in`, `folder for volumes`
 * @param say told when the file system has no locks: then nobody is kept out
 * @throws Failure tryAgain when another castle has it, cannotCreate when it can't be opened
 */
export function claim(native: Native, folder: string, what: string, emit: EmitEvent): void {
  const fd = openFolder(folder, what);
  if (!lock(native, fd, folder, emit)) {
    const holder = holderOf(fd);
    closeSync(fd);
    throw new Failure(
      'tryAgain',
      `the ${what} ${folder} belongs to a running castle${holder === undefined ? '' : `, pid ${holder}`}`,
      'stop it first',
    );
  }
  // Never closed: the lock is ours until we end.
}

function openFolder(folder: string, what: string): number {
  try {
    return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (thrown) {
    throw new Failure('cannotCreate', `the ${what} ${folder} cannot be used: ${errorMessage(thrown)}`);
  }
}

function lock(native: Native, fd: number, folder: string, emit: EmitEvent): boolean {
  try {
    return native.flock(fd);
  } catch (thrown) {
    // NFS locks files only (nfs(5)), and some file systems nothing at all.
    emit(`${folder} cannot be locked (${errorCode(thrown)}): see to it that no other castle uses it`);
    return true;
  }
}

/** Who has the lock on a file, as far as /proc/locks tells; proc_locks(5). */
function holderOf(fd: number): number | undefined {
  const inode = fstatSync(fd).ino;
  const found = new RegExp(
    `FLOCK\\s+ADVISORY\\s+WRITE\\s+(\\d+)\\s+[0-9a-f]+:[0-9a-f]+:${inode}\\s`,
    'i',
  ).exec(readFileSync('/proc/locks', 'utf8'));
  return found?.[1] === undefined ? undefined : Number(found[1]);
}
