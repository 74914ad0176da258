import { closeSync, fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasFile, loopDevices } from '../../../linux/loop-devices.ts';
import type { Native } from '../../../linux/native-addon.ts';
import { attachedByOthers, stillAttached } from '../refusals.ts';
import { type Image, openImage } from './images.ts';

/** How long the last user of an image may take to release it, in milliseconds: the kernel writes dirty pages. */
const releaseLimitMs = 10_000;
/** The interval at which the lock is retried, in milliseconds. */
const pollMs = 20;

/**
 * Locks an open image that has no loop device, after its last user has released it. The kernel unmounts the file systems of
 * a container some time after the container's first process has ended. The lock lasts until the descriptor and all its
 * copies are closed.
 * @throws RefusalError busy when the image is not released; volume_in_use when a loop device that the castle did not create
 *   holds it
 */
export async function lockWhenUnattached(native: Native, fd: number, { volume, path }: Image): Promise<void> {
  const status = fstatSync(fd);
  const device = () => loopDevices().find((device) => hasFile(device, status))?.path;
  const end = performance.now() + releaseLimitMs;
  while (!native.flock(fd)) {
    if (performance.now() > end) throw stillAttached(volume, path, device());
    await sleep(pollMs);
  }
  const other = device();
  if (other !== undefined) throw attachedByOthers(volume, path, other);
}

/** Whether an image is in use. */
export function isLocked(native: Native, image: Pick<Image, 'volume' | 'path'>): boolean {
  const fd = openImage(image);
  try {
    return !native.flock(fd);
  } finally {
    closeSync(fd);
  }
}
