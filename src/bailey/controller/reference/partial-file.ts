import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  openSync,
  type Stats,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { errorCode } from '../../../terminal/failure.ts';
import { type BytePath, partOf } from './byte-path.ts';
import { copyContent } from './copy-content.ts';

/** Returns the final path of a temporary one, for messages. */
export const withoutPart = (path: string): string => path.replace(/\.bailey-part$/, '');

/** A file to be copied. */
export interface Source {
  readonly path: BytePath;
  readonly stat: Stats;
}

/**
 * Writes a temporary copy of a file with its mode, times and owner, like `cp -p`. A leftover of an interrupted start is
 * replaced.
 * @param like the file to copy, with its mode, times and owner
 * @param content used instead of the content of `like`
 * @param signal aborts the copy of a large file
 * @throws the system's error, the signal's reason; the temporary file is removed
 */
export async function writeCopy(
  target: BytePath,
  like: Source,
  content: Buffer | undefined,
  signal: AbortSignal,
): Promise<void> {
  const part = partOf(target);
  const write =
    content === undefined
      ? (): Promise<void> => copyContent(like.path, part, like.stat.size, signal)
      : async (): Promise<void> => writeFileSync(part, content, { flag: 'wx' });
  try {
    await replacing(part, write);
    applyMetadata(part, like.stat);
  } catch (thrown) {
    remove(part); // never hides the first error
    throw thrown;
  }
}

/**
 * Writes a temporary file with a small text.
 * @param like the file whose times the new file gets: they are old, so that every later change of the file is visible
 */
export async function writeText(target: BytePath, text: string, like: Stats): Promise<void> {
  const part = partOf(target);
  try {
    await replacing(part, async () => writeFileSync(part, text, { flag: 'wx' }));
    refused(() => utimesSync(part, like.atimeMs / 1000, like.mtimeMs / 1000));
  } catch (thrown) {
    remove(part);
    throw thrown;
  }
}

/** Always creates a new file: an existing one may be read-only or a symlink. */
async function replacing(part: BytePath, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (errorCode(thrown) !== 'EEXIST') throw thrown;
    unlinkSync(part);
    await write();
  }
}

/** Removes a temporary file; errors are ignored. */
export function remove(part: BytePath): void {
  try {
    unlinkSync(part);
  } catch {
    // missing, or no permission: the next start replaces it
  }
}

function applyMetadata(part: BytePath, like: Stats): void {
  // fchown(2), fchmod(2) and futimens(2) do not need a descriptor that can write, and the file may be read-only by now.
  const fd = openSync(part, 'r');
  try {
    const has = fstatSync(fd);
    const owned =
      (has.uid === like.uid && has.gid === like.gid) || !refused(() => fchownSync(fd, like.uid, like.gid));
    // After chown, which clears the set-id bits. A set-id program of root must not become one of this user.
    fchmodSync(fd, like.mode & (owned ? 0o7777 : 0o1777));
    refused(() => futimesSync(fd, like.atimeMs / 1000, like.mtimeMs / 1000));
  } finally {
    closeSync(fd);
  }
}

/** Only root may change owners, and some network file systems reject owners and times; cp -p ignores that, too. */
function refused(change: () => void): boolean {
  try {
    change();
    return false;
  } catch (thrown) {
    if (['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes(errorCode(thrown) ?? '')) return true;
    throw thrown;
  }
}
