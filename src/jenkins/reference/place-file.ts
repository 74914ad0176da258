import type { Stats } from 'node:fs';
import { mkdir, open, rename, unlink, writeFile } from 'node:fs/promises';
import { errorCode } from '../../failure.ts';
import { type BytePath, folderOf, withSuffix } from './byte-path.ts';
import { copyContent } from './copy-content.ts';

/** What a file is to hold, and the file whose mode, times and owner it gets, as `cp -p` does. */
export interface FileContent {
  readonly like: { readonly path: BytePath; readonly stat: Stats };
  /** Instead of the content of `like`. */
  readonly content?: Buffer;
}

/**
 * Puts a file in its place, complete or not at all: written under another name in the same folder, brought to the disk,
 * renamed. What an earlier start left half under that other name is overwritten.
 * @param target absolute path; missing folders above it are made
 * @param signal cuts a large file off
 */
export async function placeFile(
  target: BytePath,
  { like, content }: FileContent,
  signal: AbortSignal,
): Promise<void> {
  await place(target, async (part) => {
    if (content === undefined) await copyContent(like.path, part, like.stat.size, signal);
    else await writeFile(part, content);
    await finish(part, like.stat);
  });
}

/** Puts a small text of our own in its place, complete or not at all. */
export async function placeText(target: BytePath, text: string): Promise<void> {
  await place(target, async (part) => {
    await writeFile(part, text);
    await finish(part);
  });
}

async function place(target: BytePath, write: (part: BytePath) => Promise<void>): Promise<void> {
  const part = withSuffix(target, '.bailey-part');
  await mkdir(folderOf(target), { recursive: true });
  try {
    await unlink(part).catch(ignoreMissing); // it may be read-only
    await write(part);
    await rename(part, target);
  } catch (thrown) {
    await unlink(part).catch(() => undefined); // the first failure is the one to tell
    throw thrown;
  }
}

/** Gives a file owner, mode and times of another one, and waits until the disk has it. */
async function finish(part: BytePath, stat?: Stats): Promise<void> {
  // fsync(2) and futimens(2) do not need a descriptor that can write, and the file may be read-only by now.
  const file = await open(part, 'r');
  try {
    if (stat !== undefined) {
      const given = await file.chown(stat.uid, stat.gid).then(() => true, ignoreRefusal);
      // After chown, which clears the set-id bits. A program of root must not become a set-id program of ours.
      await file.chmod(stat.mode & (given === true ? 0o7777 : 0o1777));
      await file.utimes(stat.atime, stat.mtime).catch(ignoreRefusal);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function ignoreMissing(thrown: unknown): void {
  if (errorCode(thrown) !== 'ENOENT') throw thrown;
}

/** Only root gives files away, and some network file systems refuse owners and times: cp -p says nothing either. */
function ignoreRefusal(thrown: unknown): void {
  if (!['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes(errorCode(thrown) ?? '')) throw thrown;
}
