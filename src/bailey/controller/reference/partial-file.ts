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

/** The path that a part stands for, for people. */
export const withoutPart = (path: string): string => path.replace(/\.bailey-part$/, '');

/** A file to be copied. */
export interface Source {
  readonly path: BytePath;
  readonly stat: Stats;
}

/**
 * Writes a file's part with mode, times and owner of another one, as `cp -p` gives them. What an earlier start left half
 * under that name is replaced.
 * @param like the file that is copied
 * @param content instead of what is in `like`
 * @param signal cuts a large file off
 * @throws the system's error, the signal's reason; then nothing is left
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
    remove(part); // the first failure is the one to tell
    throw thrown;
  }
}

/**
 * Writes the part of a small text of our own.
 * @param like whose times it gets: they are old, so that every later change of the text shows
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

/** Always a new file: what is there may be read-only, or a symlink to somewhere else. */
async function replacing(part: BytePath, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (errorCode(thrown) !== 'EEXIST') throw thrown;
    unlinkSync(part);
    await write();
  }
}

/** Takes away what is not to become a file. */
export function remove(part: BytePath): void {
  try {
    unlinkSync(part);
  } catch {
    // it never came to be, or its folder refuses: then the next start replaces it
  }
}

function applyMetadata(part: BytePath, like: Stats): void {
  // fchown(2), fchmod(2) and futimens(2) do not need a descriptor that can write, and the file may be read-only by now.
  const fd = openSync(part, 'r');
  try {
    const has = fstatSync(fd);
    const owned =
      (has.uid === like.uid && has.gid === like.gid) || !refused(() => fchownSync(fd, like.uid, like.gid));
    // After chown, which clears the set-id bits. A program of root must not become a set-id program of ours.
    fchmodSync(fd, like.mode & (owned ? 0o7777 : 0o1777));
    refused(() => futimesSync(fd, like.atimeMs / 1000, like.mtimeMs / 1000));
  } finally {
    closeSync(fd);
  }
}

/** Only root gives files away, and some network file systems refuse owners and times: cp -p says nothing either. */
function refused(change: () => void): boolean {
  try {
    change();
    return false;
  } catch (thrown) {
    if (['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes(errorCode(thrown) ?? '')) return true;
    throw thrown;
  }
}
