import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Native } from '../../../linux/native-addon.ts';
import { errorCode } from '../../../terminal/failure.ts';
import type { HostDevice } from './host-devices.ts';

/** How long the last user of a disk may take to release it, in milliseconds: the kernel writes dirty pages first. */
export const releaseLimitMs = 10_000;
/** The interval at which the lock is retried, in milliseconds. */
const pollMs = 20;

/**
 * How many bytes are read at each end of a new volume: every file system and partition table has a signature at one of them.
 */
const probedBytes = 2 ** 20;

/**
 * Locks a disk that no mount and no program uses. Programs that the castle runs on the disk inherit the lock (flock), so the
 * lock lasts until the last of them ends, even if the castle ends first. udev ignores a locked disk.
 * @returns a descriptor of the disk, open for reading and writing; undefined when the disk was in use for the whole time
 *   limit
 * @throws Error of the system when the disk cannot be opened
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

/**
 * Whether the block device can be opened with O_EXCL. Without O_CREAT, that fails with EBUSY while a mount or another
 * program uses the device exclusively; open(2).
 */
function isFree(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_EXCL | constants.O_NOFOLLOW));
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'EBUSY') return false;
    throw thrown;
  }
}

/** Whether a disk contains only zeros at its beginning and its end, as a new volume does. */
export function isBlank(fd: number, sizeBytes: number): boolean {
  const zeros = Buffer.alloc(probedBytes);
  const part = Buffer.alloc(probedBytes);
  return [0, Math.max(0, sizeBytes - probedBytes)].every(
    (at) => readSync(fd, part, 0, probedBytes, at) === probedBytes && part.equals(zeros),
  );
}
