import { posix } from 'node:path';
import { checkVolumeName } from '../refusals/check-volume-name.ts';
import type { Container } from '../runtimes/runtime.ts';
import { badTarget, notPermitted } from './refusals.ts';
import type { IdentifiedRequest } from './request-stages.ts';

/**
 * Checks what needs no state: the volume name, the mount point, and the permission that a label of the container gives.
 * @throws RefusalError bad_volume_name, bad_target, not_permitted
 */
export function checkRequest({ container, volume, target }: IdentifiedRequest): void {
  checkVolumeName(volume);
  checkTarget(target);
  checkPermission(container, volume);
}

/** @throws RefusalError not_permitted */
export function checkPermission(container: Pick<Container, 'name' | 'volumes'>, volume: string): void {
  if (container.volumes === 'any' || container.volumes.includes(volume)) return;
  throw notPermitted(container, volume);
}

/** @throws RefusalError bad_target */
function checkTarget(target: string): void {
  const isNormal =
    posix.isAbsolute(target) && target !== '/' && posix.normalize(target) === target && !target.endsWith('/');
  // biome-ignore format: one condition a line reads better
  if (isNormal && !/[\x00-\x1f\x7f]/.test(target)) return;
  throw badTarget(target);
}
