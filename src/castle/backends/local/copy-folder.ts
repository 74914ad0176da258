import { mkdir, rm, statfs } from 'node:fs/promises';
import { describeEnd, runProgram, startProgram } from '../../../linux/run-program.ts';
import { errorMessage } from '../../../terminal/failure.ts';
import { preserveMetadata, unpackArchive } from './unpack-archive.ts';

/** The exit code of tar(1) when files changed or disappeared while it read them; the archive is complete otherwise. */
const changedMeanwhile = 1;

/**
 * Copies a folder that nothing else modifies, with owners, modes, times, links, holes and attributes. Uses reflinks where
 * the file system supports them.
 * @param to a path that does not exist; removed when the copy fails
 * @throws Error with the program's last line of output
 */
export async function copyQuietFolder(from: string, to: string): Promise<void> {
  const { exitCode, lastLine } = await runProgram('cp', ['-a', '-x', '--reflink=auto', '--', from, to]);
  if (exitCode === 0) return;
  await removeTree(to);
  throw new Error(lastLine);
}

/**
 * Copies a folder to which a container may write meanwhile. The copy of a file has the content that the file had when it was
 * read; different files may be copied at different moments. This uses tar(1) and not cp(1). cp opens files by path, where the
 * container could place a symlink to a file of the host, and skips a file that is replaced meanwhile. tar descends by folder
 * descriptors, and reads either the old or the new file.
 * @param to a path that does not exist; removed when the copy fails
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

/**
 * Removes a folder and its content. Retries for some time, because a program that a killed castle started may still add
 * files.
 */
export const removeTree = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 10 });

/** The maximum number of runs of du(1), which fails when a folder is moved while du reads it, as builds may do. */
const tries = 5;

/**
 * Measures whether there is enough space for a copy, before it is begun.
 * @returns the size of the folder `from`, and the free space of the file system of `on`, in bytes
 * @throws Error
 */
export async function measureSpace(
  from: string,
  on: string,
): Promise<{ requiredBytes: number; freeBytes: number }> {
  for (let attempt = 1; ; attempt++) {
    const { requiredBytes, lastLine } = await sizeOf(from);
    if (requiredBytes !== undefined) {
      const { bavail, bsize } = await statfs(on);
      return { requiredBytes, freeBytes: bavail * bsize };
    }
    if (attempt === tries) throw new Error(`du(1) cannot measure ${from}: ${lastLine}`);
  }
}

/** @returns bytes, or the last message of du(1) when it printed no size */
async function sizeOf(
  folder: string,
): Promise<{ readonly requiredBytes?: number; readonly lastLine: string }> {
  // The exit code is ignored: du exits with 1 when an entry disappeared meanwhile, which then takes no space.
  const { stdout, lastLine } = await runProgram('du', [
    ...['--summarize', '--block-size=1', '--one-file-system', '--', folder],
  ]);
  const [, bytes] = /^(\d+)\t/.exec(stdout) ?? [];
  return { ...(bytes === undefined ? {} : { requiredBytes: Number(bytes) }), lastLine };
}

/** Writes all dirty data of a file system to disk, without blocking the main thread. @throws Error */
export async function syncFileSystem(folder: string): Promise<void> {
  const { exitCode, lastLine } = await runProgram('sync', ['--file-system', folder]);
  if (exitCode !== 0) throw new Error(lastLine);
}

async function copyByTar(from: string, to: string): Promise<void> {
  // Other file systems that are mounted inside the folder are excluded.
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
