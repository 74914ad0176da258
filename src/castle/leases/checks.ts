import { posix } from 'node:path';
import { volumeNameFault } from '../../protocol/volume-name.ts';
import { badVolumeName } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';
import type { LeaseRecord } from '../store/store.ts';
import { badTarget, notPermitted } from './refusals.ts';

/** @throws RefusalError bad_volume_name */
export function checkVolumeName(volume: string): void {
  const fault = volumeNameFault(volume);
  if (fault !== undefined) throw badVolumeName(volume, fault);
}

/** @throws RefusalError bad_target */
export function checkTarget(target: string): void {
  const acceptable =
    posix.isAbsolute(target) && target !== '/' && posix.normalize(target) === target && !target.endsWith('/');
  // biome-ignore format: one condition a line reads better
  if (acceptable && !/[\x00-\x1f\x7f]/.test(target)) return;
  throw badTarget(target);
}

/** @throws RefusalError not_permitted */
export function checkPermission(container: Pick<Container, 'name' | 'volumes'>, volume: string): void {
  if (container.volumes === 'any' || container.volumes.includes(volume)) return;
  throw notPermitted(container, volume);
}

/** Whether a lease is that of a container: one that was started again has its id, but another first process. */
export function isSameContainer(lease: LeaseRecord, container: Container): boolean {
  return (
    lease.container === container.id &&
    lease.first.pid === container.first.pid &&
    lease.first.startTicks === container.first.startTicks
  );
}
