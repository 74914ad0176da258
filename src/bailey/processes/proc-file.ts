import { readFileSync, readlinkSync } from 'node:fs';
import { errorCode } from '../../terminal/failure.ts';

/** The mount point of procfs. */
export const procfs = '/proc';

/**
 * Returns a file below /proc as text. Processes vanish while they are being read (ENOENT before open, ESRCH after it), and
 * many files are readable only by the owner (EACCES, EPERM; /proc/PID/syscall gives EIO on kernels without it): all these
 * errors mean "not known".
 */
export function readProcFile(path: string): string | undefined {
  return ifReadable(() => readFileSync(path, 'utf8'));
}

/** Returns the target of a link below /proc (`exe`, `ns/pid`), or undefined when it cannot be read. */
export function readProcLink(path: string): string | undefined {
  return ifReadable(() => readlinkSync(path));
}

function ifReadable(read: () => string): string | undefined {
  try {
    return read();
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code !== undefined && ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EIO', 'EINVAL'].includes(code))
      return undefined;
    throw thrown;
  }
}
