import { closeSync, fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasFile, loopDevices } from '../../../linux/loop-devices.ts';
import type { Native } from '../../../linux/native-addon.ts';
import { attachedByOthers, stillAttached } from '../refusals.ts';
import { type Image, openImage } from './images.ts';

/** How long the last user of an image may take to let go of it, in milliseconds: the kernel writes what is dirty. */
const releaseLimitMs = 10_000;
/** How often we look whether it has, in milliseconds. */
const pollMs = 20;

/**
 * Locks an open image that no loop device has, once its last user has let go: the end of a container does so some time
 * after its first process has gone. The lock lasts as long as the descriptor, and what inherits it.
 * @throws RefusalError busy when somebody keeps it; volume_in_use when somebody attached it without the castle
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

/** Whether somebody has an image. */
export function isLocked(native: Native, image: Pick<Image, 'volume' | 'path'>): boolean {
  const fd = openImage(image);
  try {
    return !native.flock(fd);
  } finally {
    closeSync(fd);
  }
}
