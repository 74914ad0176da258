import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Native } from '../../linux/native-addon.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';

/**
 * Locks a folder for this castle until the process ends, with flock(2) on the folder itself. The kernel releases the lock when
 * the process ends, also after SIGKILL, and the lock applies to every path of the folder. On a file system without locks, an
 * event reports that another castle could use the folder.
 * @param what the purpose of the folder, for messages: `state folder`
 * @throws Failure tryAgain when another castle has the lock, cannotCreate when the folder cannot be opened
 */
export function lockFolder(native: Native, folder: string, what: string, emit: EmitEvent): void {
  const fd = openFolder(folder, what);
  if (!lock(native, fd, folder, emit)) {
    const holder = holderOf(fd);
    closeSync(fd);
    throw new Failure(
      'tryAgain',
      `the ${what} ${folder} is used by another castle${holder === undefined ? '' : `, pid ${holder}`}`,
      'stop that castle first',
    );
  }
  // The descriptor stays open: closing it would release the lock.
}

function openFolder(folder: string, what: string): number {
  try {
    return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (thrown) {
    throw new Failure('cannotCreate', `cannot open the ${what} ${folder}: ${errorMessage(thrown)}`);
  }
}

function lock(native: Native, fd: number, folder: string, emit: EmitEvent): boolean {
  try {
    return native.flock(fd);
  } catch (thrown) {
    // NFS has locks only for files (nfs(5)), and some file systems have none.
    emit(`cannot lock ${folder} (${errorCode(thrown)}): make sure that no other castle uses it`);
    return true;
  }
}

/** Returns the pid of the process that has the lock, from /proc/locks (proc_locks(5)); undefined when it is not listed. */
function holderOf(fd: number): number | undefined {
  const inode = fstatSync(fd).ino;
  const found = new RegExp(
    `FLOCK\\s+ADVISORY\\s+WRITE\\s+(\\d+)\\s+[0-9a-f]+:[0-9a-f]+:${inode}\\s`,
    'i',
  ).exec(readFileSync('/proc/locks', 'utf8'));
  return found?.[1] === undefined ? undefined : Number(found[1]);
}
