import { mkdir, rm, statfs } from 'node:fs/promises';
import { describeEnd, runProgram, startProgram } from '../../../linux/run-program.ts';
import { errorMessage } from '../../../terminal/failure.ts';
import { preserveMetadata, unpackArchive } from './unpack-archive.ts';

/** What tar(1) says when files were changed or removed while it read them: it has the others, and what it could read. */
const changedMeanwhile = 1;

/**
 * Copies a folder that nobody else can change, with owners, modes, times, links, holes and attributes; shares with it what
 * the file system can share.
 * @param to where nothing is; removed when it can't be copied
 * @throws Error with the tool's last line
 */
export async function copyQuietFolder(from: string, to: string): Promise<void> {
  const { exitCode, lastLine } = await runProgram('cp', ['-a', '-x', '--reflink=auto', '--', from, to]);
  if (exitCode === 0) return;
  await removeTree(to);
  throw new Error(lastLine);
}

/**
 * The same of a folder that a container writes to meanwhile. Each file is as it was when it was read; not all of them had to
 * be so at any one moment. By tar(1) and not by cp(1): cp goes by paths, in which the container could put a symlink that
 * leads to the host's files, and it leaves out a file that is replaced meanwhile; tar goes from folder to folder by
 * descriptors, and reads the old file or the new one.
 * @param to where nothing is; removed when it can't be copied
 * @throws Error
 */
export async function copyLiveFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  try {
    await copyByTar(from, to);
  } catch (thrown) {
    await removeTree(to);
    throw thrown;
  }
}

/** Removes a folder with all that is in it; what an orphan of an earlier castle still puts there is waited for a while. */
export const removeTree = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 10 });

/** How often du(1) is asked: it gives up when a folder changes hands while it is in there, as folders of a build may. */
const tries = 5;

/**
 * What there is to know before a copy is begun that would fill the disk, for everybody on it.
 * @returns bytes that a folder has and the disk of another one has free
 * @throws Error
 */
export async function measureSpace(from: string, on: string): Promise<{ wanted: number; free: number }> {
  for (let attempt = 1; ; attempt++) {
    const { wanted, lastLine } = await sizeOf(from);
    if (wanted !== undefined) {
      const { bavail, bsize } = await statfs(on);
      return { wanted, free: bavail * bsize };
    }
    if (attempt === tries) throw new Error(`du(1) does not say how large ${from} is: ${lastLine}`);
  }
}

/** @returns bytes, or the last message of du(1) when it printed no size */
async function sizeOf(folder: string): Promise<{ readonly wanted?: number; readonly lastLine: string }> {
  // Its exit code does not count: it is 1 when an entry was removed meanwhile, which then has no size.
  const { stdout, lastLine } = await runProgram('du', [
    ...['--summarize', '--block-size=1', '--one-file-system', '--', folder],
  ]);
  const [, bytes] = /^(\d+)\t/.exec(stdout) ?? [];
  return { ...(bytes === undefined ? {} : { wanted: Number(bytes) }), lastLine };
}

/** Brings all of a file system to the disk, away from the main thread. @throws Error */
export async function syncFileSystem(folder: string): Promise<void> {
  const { exitCode, lastLine } = await runProgram('sync', ['--file-system', folder]);
  if (exitCode !== 0) throw new Error(lastLine);
}

async function copyByTar(from: string, to: string): Promise<void> {
  // Nothing of another file system that is mounted in there.
  const pack = ['--create', '--file=-', '--one-file-system', ...preserveMetadata, `--directory=${from}`, '.'];
  const reader = startProgram('tar', pack);
  try {
    await unpackArchive(reader.stdout, to);
  } catch (thrown) {
    reader.kill();
    await reader.end;
    throw new Error(`tar cannot copy ${from} to ${to}: ${errorMessage(thrown)}`);
  }
  const end = await reader.end;
  if (end.kind === 'exited' && (end.exitCode === 0 || end.exitCode === changedMeanwhile)) return;
  throw new Error(`tar cannot read ${from}: ${reader.lastMessage() || describeEnd(end)}`);
}
