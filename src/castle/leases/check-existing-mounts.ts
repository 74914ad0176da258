import { mountsOf, topmostOn } from '../../linux/mountinfo.ts';
import { namespaceOf } from '../../linux/proc.ts';
import type { Backend } from '../backends/backend.ts';
import { locateMount } from '../mounting/mount-location.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import { belongsToContainer } from '../mounting/namespace-ownership.ts';
import type { Store } from '../store/store.ts';
import type { MountInspector } from '../volumes/mount-inspector.ts';
import { mountedElsewhere } from '../volumes/refusals.ts';
import { conflicts } from './access-mode.ts';
import { isSameContainer } from './container-watch.ts';
import * as refusals from './refusals.ts';
import type {
  AdmittedRequest,
  CheckedRequest,
  IdentifiedRequest,
  PreparedRequest,
} from './request-stages.ts';

export interface MountCheckDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly inspector: MountInspector;
}

/** The existing mounts of a volume that is about to be mounted, as the mount tables show them. */
type ExistingMounts = Pick<CheckedRequest, 'existingMountId' | 'isMountedElsewhere'>;

/**
 * Checks the kernel's mount tables immediately before a mount. The store alone is not enough: it may have been lost, and a
 * mount namespace may outlive its container.
 * @throws RefusalError volume_in_use when the volume is mounted where that conflicts with the request; bad_target,
 *   backend_failed
 */
export async function checkExistingMounts(
  deps: MountCheckDeps,
  request: PreparedRequest,
): Promise<CheckedRequest> {
  const existing = request.isNew
    ? { existingMountId: undefined, isMountedElsewhere: false }
    : await findExistingMounts(deps, request);
  if (existing.existingMountId === undefined) checkTargetIsFree(deps, request);
  return { ...request, ...existing };
}

async function findExistingMounts(
  { inspector }: MountCheckDeps,
  request: AdmittedRequest,
): Promise<ExistingMounts> {
  const { container, volume, target, mode } = request;
  const { source, mounts } = await inspector.findSourceAndMounts(volume);
  const containerNamespace = namespaceOf(container.first.pid, 'mnt');
  const inside = mounts.filter(({ namespace }) => namespace === containerNamespace);
  const outside = mounts.filter(({ namespace }) => namespace !== containerNamespace);
  const location = await locateMount(container.first.pid, source, target, async () => inside);
  if (location.kind === 'unknown') throw refusals.unreadableMounts(container.name);
  const existingMountId = location.kind === 'onTarget' ? location.mount.id : undefined;
  // Adopting a shared mount that the container already has, for example after the store was lost, grants no new access.
  const cannotConflict = mode.readonly === true || (mode.shared === true && existingMountId !== undefined);
  const conflicting = cannotConflict ? undefined : outside.find((mount) => preventsWriting(mount, request));
  if (conflicting !== undefined) {
    const isOnHost = conflicting.namespace === namespaceOf('self', 'mnt');
    throw mountedElsewhere(volume, conflicting, isOnHost);
  }
  if (location.kind === 'elsewhere') throw refusals.mountedOnOther(volume, location.found.mount.point);
  return { existingMountId, isMountedElsewhere: outside.length > 0 };
}

/** Whether a mount is writable and does not belong to a lease that shares the volume. */
function preventsWriting(found: VolumeMount, { mode, others }: AdmittedRequest): boolean {
  if (found.mount.readonly) return false;
  // The mount of a read-only lease is writable only if the container remounted it, so it does not count.
  const sharingWriters = others.filter((other) => other.readonly !== true && !conflicts(other, mode));
  return !sharingWriters.some(({ first }) => belongsToContainer(found, first));
}

/** Refuses a mount point on which another volume of this container is mounted, because the new mount would hide that volume. */
function checkTargetIsFree(
  { store, backend }: MountCheckDeps,
  { container, target }: IdentifiedRequest,
): void {
  const taken = store
    .leasesOf(container.id)
    .find((lease) => lease.target === target && isSameContainer(lease, container));
  if (taken !== undefined) throw refusals.mountPointInUse(target, taken.volume);
  const top = topmostOn(mountsOf(container.first.pid) ?? [], target);
  if (top !== undefined && backend.ownsMount(top)) throw refusals.mountPointInUse(target);
}
