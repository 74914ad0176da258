import { stat, statfs } from 'node:fs/promises';
import { runProgram } from '../../../linux/run-program.ts';

/** The type of btrfs in the result of statfs(2); include/uapi/linux/magic.h of the kernel. */
const magic = 0x9123683e;
/** The inode number of the root folder of every subvolume: BTRFS_FIRST_FREE_OBJECTID. */
const rootInode = 256;

/** Whether a folder is a btrfs subvolume; btrfs can take snapshots only of subvolumes. */
export async function isSubvolume(folder: string): Promise<boolean> {
  const [{ ino }, { type }] = await Promise.all([stat(folder), statfs(folder)]);
  return type === magic && ino === rootInode;
}

/**
 * Creates a subvolume at a path that does not exist, owned by root, with the mode that the umask leaves.
 * @returns false where the file system is not btrfs, or the host has no btrfs(8)
 */
export async function makeSubvolume(folder: string, parent: string): Promise<boolean> {
  if ((await statfs(parent)).type !== magic) return false;
  const { exitCode } = await runProgram('btrfs', ['subvolume', 'create', folder]);
  return exitCode === 0;
}

/**
 * Takes a snapshot of a subvolume, atomically and independently of its size.
 * @throws Error with the program's last line of output
 */
export async function snapshotSubvolume(from: string, to: string, mode: 'ro' | 'rw'): Promise<void> {
  const args = ['subvolume', 'snapshot', ...(mode === 'ro' ? ['-r'] : []), from, to];
  const { exitCode, lastLine } = await runProgram('btrfs', args);
  if (exitCode !== 0) throw new Error(lastLine);
}

/** Deletes a subvolume. @throws Error with the program's last line of output */
export async function deleteSubvolume(folder: string): Promise<void> {
  const { exitCode, lastLine } = await runProgram('btrfs', ['subvolume', 'delete', folder]);
  if (exitCode !== 0) throw new Error(lastLine);
}
