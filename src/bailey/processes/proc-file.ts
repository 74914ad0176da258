import { readFileSync, readlinkSync } from 'node:fs';
import { errorCode } from '../../terminal/failure.ts';

/** Where the kernel shows processes. */
export const procfs = '/proc';

/**
 * A file below /proc as text. Processes vanish while they are being read (ENOENT before open, ESRCH after it), and
 * many files belong to the owner alone (EACCES, EPERM; /proc/PID/syscall says EIO on kernels without it): all of
 * that is everyday and means "not known".
 */
export function readProcFile(path: string): string | undefined {
  return ifReadable(() => readFileSync(path, 'utf8'));
}

/** The target of a link below /proc (`exe`, `ns/pid`), or undefined when it cannot be read. */
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
