import { execFileSync } from 'node:child_process';
import type { Test } from 'tap';

/**
 * Mounts a file system on a folder of the host until the test ends.
 * @param args arguments of mount(8) before the folder
 * @returns a function that unmounts it earlier
 */
export function mounted(t: Test, folder: string, ...args: readonly string[]): () => void {
  execFileSync('mount', [...args, folder]);
  execFileSync('mount', ['--make-private', folder]);
  let there = true;
  const umount = () => {
    if (there) execFileSync('umount', [folder]);
    there = false;
  };
  t.teardown(umount);
  return umount;
}
