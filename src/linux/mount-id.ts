import { closeSync, constants, openSync, readFileSync } from 'node:fs';

/**
 * The id of the mount that a folder is on, as in the first column of /proc/self/mountinfo: what the path leads to
 * now, whatever was mounted over whatever.
 * Source: proc_pid_fdinfo(5), field mnt_id (Linux 3.15).
 * @throws Error with `code` (ENOENT, ENOTDIR, EACCES, …) when the folder cannot be opened or /proc isn't there
 */
export function mountIdOf(folder: string): number {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const found = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
    if (found === null) throw new Error(`/proc/self/fdinfo/${fd} has no mnt_id`);
    return Number(found[1]);
  } finally {
    closeSync(fd);
  }
}
