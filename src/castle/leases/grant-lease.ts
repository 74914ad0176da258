import { randomUUID } from 'node:crypto';
import { isNoProcess } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import {
  type HeldProcess,
  type HoldProcess,
  ProcessEndedError,
  withMountNamespace,
} from '../mounting/held-process.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import { mountWithIdMapping } from '../mounting/idmap/mount-with-id-mapping.ts';
import { type Mounter, MountHungError } from '../mounting/mounter.ts';
import type { LeaseRecord } from '../store/store.ts';
import { checkExistingMounts, type MountCheckDeps } from './check-existing-mounts.ts';
import type { ContainerWatch } from './container-watch.ts';
import { newEngineMount } from './engine-mount-leases.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import { type PreparationDeps, prepareVolume } from './prepare-volume.ts';
import * as refusals from './refusals.ts';
import type { AdmittedRequest, CheckedRequest } from './request-stages.ts';
import type { LeaseResolver } from './resolve-lease.ts';
import { withUndo } from './undo-stack.ts';

export interface GrantDeps extends PreparationDeps, MountCheckDeps {
  readonly mounter: Mounter;
  readonly holdProcess: HoldProcess;
  readonly hostMounts: HostMounts;
  readonly recorder: LeaseRecorder;
  readonly watch: ContainerWatch;
  readonly resolver: LeaseResolver;
  readonly emit: EmitEvent;
}

/**
 * Grants a lease: creates the volume if necessary, writes the lease to the store, and mounts the volume. Every change outside
 * this process has an undo step, and is written to the store before it is made, so the next start can recover after a kill at
 * any point. The caller holds the locks of the volume and the mount point.
 * @throws RefusalError bad_target, not_permitted, not_found, volume_in_use, busy, backend_failed
 */
export async function grantLease(deps: GrantDeps, request: AdmittedRequest): Promise<LeaseRecord> {
  const { store, catalog, hostMounts, mounter, recorder, watch, resolver } = deps;
  const { container, target } = request;
  const held = deps.holdProcess(container.first);
  if (held === undefined) throw refusals.containerEnded(container.name);
  return withUndo(async (undo) => {
    const keepHeld = undo.push(() => held.close());
    const whileAlive = <T>(step: () => Promise<T>) => refuseWhenEnded(held, container.name, step);
    const { request: prepared, keepVolume } = await whileAlive(() => prepareVolume(deps, request, undo));
    const checked = await whileAlive(() => checkExistingMounts(deps, prepared));

    const lease = newLease(checked);
    /** Reports a failed undo step. The lease stays in the store, and the next request or start compares it with the mounts. */
    const leaveUnresolved = (thrown: unknown): void => {
      recorder.emit(
        lease,
        'lease.unresolved',
        `the failed mount could not be undone: ${errorMessage(thrown)}`,
      );
      if (store.lease(lease.id) === undefined) return;
      watch.watch(lease, held);
      keepHeld();
    };
    const keepLease = undo.push(async () => {
      try {
        await recorder.advance(lease, 'mountFailed');
        if (lease.engine !== undefined) hostMounts.removeMountPoint(target);
      } catch (thrown) {
        leaveUnresolved(thrown);
      }
    });
    await recorder.begin(lease, checked.record);
    if (lease.engine !== undefined) hostMounts.createMountPoint(target);

    let mountId: number;
    try {
      mountId = await whileAlive(() => mountVolume(deps, checked, held));
    } catch (thrown) {
      if (!(thrown instanceof MountHungError)) throw thrown;
      // castle-mount may still finish the mount, so nothing is undone until castle-mount has ended.
      watch.watch(lease, held);
      undo.keepAll();
      throw resolver.keepHungLease(lease, thrown);
    }
    keepVolume();
    undo.push(async () => {
      if (!held.isAlive()) return; // the kernel has removed the mount with the container's mount namespace
      try {
        await withMountNamespace(held, (from) => mounter.unmount(from, target, mountId));
      } catch (thrown) {
        if (thrown instanceof ProcessEndedError) return;
        keepLease();
        leaveUnresolved(thrown);
      }
    });
    if (!held.isAlive()) throw refusals.containerEnded(container.name);

    const mounted = await recorder.advance(lease, 'mounted', { mountId });
    watch.watch(mounted, held);
    keepHeld();
    if (checked.isNew) catalog.reportCreated(checked.record, checked.spec);
    recorder.emit(mounted, 'lease.granted', `mounted on ${target}`);
    return mounted;
  });
}

/**
 * Runs a step that reads what /proc shows of a container's first process.
 * @throws RefusalError not_permitted when the step failed because the process has ended; what the step throws
 */
async function refuseWhenEnded<T>(held: HeldProcess, container: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    const hasEnded = thrown instanceof ProcessEndedError || (isNoProcess(thrown) && !held.isAlive());
    throw hasEnded ? refusals.containerEnded(container) : thrown;
  }
}

function newLease({ container, volume, target, mode }: CheckedRequest): LeaseRecord {
  return {
    id: randomUUID(),
    volume,
    container: container.id,
    containerName: container.name,
    first: container.first,
    target,
    ...mode,
    ...(container.engineMount === true ? { engine: newEngineMount() } : {}),
    state: 'mounting',
    mountId: 0,
    since: new Date().toISOString(),
  };
}

/**
 * Mounts the volume in the container, unless it is mounted on the mount point already.
 * @returns the id of the mount, as in the container's mountinfo
 * @throws RefusalError bad_target, busy, backend_failed; MountHungError
 */
async function mountVolume(
  { backend, emit }: GrantDeps,
  request: CheckedRequest,
  held: HeldProcess,
): Promise<number> {
  const { volume, target, record, isNew, ids, peer, mode, others, existingMountId } = request;
  if (existingMountId !== undefined) return existingMountId;
  const isMountedElsewhere = request.isMountedElsewhere || others.length > 0;
  const mappedMount = { volume, isNew, ids, peer, cannotMapIds: !backend.canMapIds };
  const options = { readonly: mode.readonly === true, isMountedElsewhere };
  return withMountNamespace(held, (into) =>
    mountWithIdMapping(
      mappedMount,
      options,
      (mountOptions) => backend.mount(into, record, target, mountOptions),
      emit,
    ),
  );
}
