import type { LeaseRecord, Store } from '../store/store.ts';
import type { MountInspector } from '../volumes/mount-inspector.ts';
import { accessModeOf, conflicts } from './access-mode.ts';
import type { ContainerWatch } from './container-watch.ts';
import { isSameContainer } from './container-watch.ts';
import type { EngineMountLeases } from './engine-mount-leases.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import * as refusals from './refusals.ts';
import type { AdmittedRequest, IdentifiedRequest } from './request-stages.ts';
import type { LeaseResolver } from './resolve-lease.ts';
import { olderRequestWaits, type QueuedRequest, type WaitQueue } from './wait-queue.ts';

export interface AdmissionDeps {
  readonly store: Store;
  readonly queue: WaitQueue;
  readonly watch: ContainerWatch;
  readonly inspector: MountInspector;
  readonly recorder: LeaseRecorder;
  readonly resolver: LeaseResolver;
  readonly engineMounts: EngineMountLeases;
}

/** The result of the admission: the container already has a lease on the volume, or may get a new one. */
export type Admission =
  | { readonly kind: 'existing'; readonly lease: LeaseRecord }
  | { readonly kind: 'admitted'; readonly request: AdmittedRequest };

/**
 * Compares a request with the leases on its volume and with the requests that wait for the volume. Ends the leases whose
 * container or mount no longer exists. The caller holds the volume's lock.
 * @param queued the request's entry in the queue; undefined when the request is not queued
 * @throws RefusalError volume_in_use, bad_target, busy, backend_failed
 */
export async function admitRequest(
  deps: AdmissionDeps,
  request: IdentifiedRequest,
  queued: QueuedRequest | undefined,
): Promise<Admission> {
  const { store, queue, engineMounts } = deps;
  const { container, volume } = request;
  const leases = await livingLeasesOn(deps, volume);
  const own = leases.find((lease) => isSameContainer(lease, container));
  const existing = own === undefined ? undefined : await verifyOwnLease(deps, own, request);
  if (existing !== undefined) {
    return { kind: 'existing', lease: await engineMounts.recordRequestedAgain(existing) };
  }
  const mode = accessModeOf(container, store.volume(volume));
  const others: LeaseRecord[] = [];
  for (const lease of leases) {
    if (lease === own) continue;
    if (!conflicts(lease, mode)) others.push(lease);
    else if (!(await engineMounts.endIfUnused(lease))) throw refusals.conflictingLease(lease);
  }
  const first = queue.first(volume);
  if (first !== undefined && first !== queued && mode.readonly !== true) {
    throw olderRequestWaits(volume, first.container.name);
  }
  return { kind: 'admitted', request: { ...request, mode, others } };
}

/** Returns the leases on a volume whose containers run. Ends the other leases on the volume. */
async function livingLeasesOn(
  { store, watch }: AdmissionDeps,
  volume: string,
): Promise<readonly LeaseRecord[]> {
  const living: LeaseRecord[] = [];
  for (const lease of store.leasesOn(volume)) {
    if (watch.living(lease.id) !== undefined) living.push(lease);
    else await watch.end(lease, 'its container has ended');
  }
  return living;
}

/**
 * Verifies the lease that the requesting container already has on the volume.
 * @returns the lease; undefined when its mount no longer existed, in which case the lease has been ended
 * @throws RefusalError bad_target when the mount is on another mount point; busy, backend_failed
 */
async function verifyOwnLease(
  { watch, inspector, recorder, resolver }: AdmissionDeps,
  own: LeaseRecord,
  { container, target }: IdentifiedRequest,
): Promise<LeaseRecord | undefined> {
  resolver.checkNotHung(own);
  const location = await inspector.locate(own);
  switch (location.kind) {
    case 'onTarget':
      if (own.target !== target) throw refusals.mountedOnOther(own.volume, own.target);
      return recorder.recordMount(own, location.mount.id);
    case 'elsewhere':
      throw refusals.cannotUnmount(own.volume, location.found.mount.point);
    case 'unknown':
      throw refusals.unreadableMounts(container.name);
    case 'gone':
      await watch.end(own, 'its mount is gone');
      return undefined;
  }
}
