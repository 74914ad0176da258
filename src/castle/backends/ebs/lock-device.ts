import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Native } from '../../../linux/native-addon.ts';
import { errorCode } from '../../../terminal/failure.ts';
import type { HostDevice } from './host-devices.ts';

/** How long the last user of a disk may take to let go of it, in milliseconds: the kernel writes what is dirty. */
export const releaseLimitMs = 10_000;
/** How often we look whether it has, in milliseconds. */
const pollMs = 20;

/** As much of a new volume is looked at, at both ends, in bytes: everything that is something begins or ends there. */
const probedBytes = 2 ** 20;

/**
 * Locks a disk that is not in use by a mount or a program. Programs that the castle runs on the disk inherit the lock
 * (flock), so it lasts until the last of them has ended, even when the castle ends before; udev ignores a locked disk.
 * @returns its descriptor, open for reading and writing; undefined when it was in use for all that time
 * @throws Error of the system when it cannot be opened
 */
export async function lockDevice(
  native: Native,
  { path }: HostDevice,
  withinMs: number,
): Promise<number | undefined> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      if (native.flock(fd) && isFree(path)) return fd;
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
    closeSync(fd);
    if (performance.now() > endMs) return undefined;
    await sleep(pollMs);
  }
}

/** O_EXCL without O_CREAT: EBUSY when a mount or another program has the block device for itself; open(2). */
function isFree(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_EXCL | constants.O_NOFOLLOW));
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'EBUSY') return false;
    throw thrown;
  }
}

/** Whether a disk has nothing but zeros at its beginning and at its end, as a new volume has. */
export function isBlank(fd: number, sizeBytes: number): boolean {
  const zeros = Buffer.alloc(probedBytes);
  const part = Buffer.alloc(probedBytes);
  return [0, Math.max(0, sizeBytes - probedBytes)].every(
    (at) => readSync(fd, part, 0, probedBytes, at) === probedBytes && part.equals(zeros),
  );
}
