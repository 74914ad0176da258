import { closeSync, constants, openSync, readFileSync } from 'node:fs';

/**
 * Returns the id of the mount that a folder is on, the first column of /proc/self/mountinfo. When one mount hides another,
 * it is the id of the visible mount.
 * @throws Error with `code` (ENOENT, ENOTDIR, EACCES, …) when the folder cannot be opened or /proc is missing
 */
export function mountIdOf(folder: string): number {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return mountIdOfDescriptor(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Returns the id of the mount that an open file is on; proc_pid_fdinfo(5), field mnt_id (Linux 3.15).
 * @throws Error when /proc is missing
 */
export function mountIdOfDescriptor(fd: number): number {
  const found = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  if (found === null) throw new Error(`/proc/self/fdinfo/${fd} has no mnt_id`);
  return Number(found[1]);
}
