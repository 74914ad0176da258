/**
 * Compares the store with the processes, mounts and volumes of the host, and corrects the store. Runs once at start, and
 * periodically while the castle runs.
 */
import { setImmediate as afterOtherWork } from 'node:timers/promises';
import { namespaceOf } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend } from '../backends/backend.ts';
import type { EmitEvent } from '../events/event.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import type { MountInspector } from '../volumes/mount-inspector.ts';
import { mountedElsewhere } from '../volumes/refusals.ts';
import type { UnusedVolumeRelease } from '../volumes/release-when-unused.ts';
import type { VolumeAdministration } from '../volumes/volume-administration.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import type { EngineMountLeases } from './engine-mount-leases.ts';
import type { LeaseResolver } from './resolve-lease.ts';

export interface VolumeRecoveryDeps {
  readonly backend: Backend;
  readonly volumeLock: KeyedMutex;
  readonly catalog: VolumeCatalog;
  readonly administration: VolumeAdministration;
}

export interface LeaseRecoveryDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly resolver: LeaseResolver;
  readonly engineMounts: EngineMountLeases;
  readonly unusedVolumes: UnusedVolumeRelease;
  readonly emit: EmitEvent;
}

export interface ReconcileDeps {
  readonly store: Store;
  readonly volumeLock: KeyedMutex;
  readonly inspector: MountInspector;
  readonly catalog: VolumeCatalog;
  readonly administration: VolumeAdministration;
  readonly resolver: LeaseResolver;
}

/**
 * At start, determines for each volume that was being created, deleted or restored whether the operation succeeded, and
 * corrects the store. Deletes no volume. The record of a volume that cannot be examined does not change. After a failure, it
 * may be called again while requests are served.
 * @throws RefusalError backend_failed when the backend cannot be reached
 */
export async function recoverVolumesAtStart(deps: VolumeRecoveryDeps): Promise<void> {
  const { backend, volumeLock, catalog, administration } = deps;
  await backend.removeUnfinished();
  await administration.reconcile();
  await catalog.reconcile(volumeLock);
}

/**
 * At start, determines which containers still run and which mounts exist, and corrects the store. Unmounts nothing. The
 * record of a lease that cannot be examined does not change.
 */
export async function recoverLeasesAtStart(deps: LeaseRecoveryDeps): Promise<void> {
  const { store, backend, resolver, engineMounts, unusedVolumes, emit } = deps;
  for (const lease of store.leases()) await resolver.recoverAtStart(await engineMounts.recoverAtStart(lease));
  const [leases, volumes] = [store.leases().length, store.volumes()];
  emit(`compared the store with the host; volumes: ${volumes.length}, leases: ${leases}`, {
    event: 'reconcile.done',
  });
  for (const volume of volumes) if (volume.backend === backend.name) unusedVolumes.foundAtStart(volume.name);
}

/**
 * Reconciles all volumes and leases once. Each volume is locked while it is examined, and requests are served in between.
 * @param stop aborted to end the run early
 * @returns the number of corrected records; each correction emits an event
 */
export async function reconcileAll(deps: ReconcileDeps, stop: AbortSignal): Promise<number> {
  const { store, volumeLock, administration, inspector } = deps;
  const names = new Set([
    ...store.volumes().map(({ name }) => name),
    ...store.leases().map(({ volume }) => volume),
    ...administration.unsettled(),
  ]);
  const seemsMounted = inspector.scan();
  let corrected = 0;
  for (const name of names) {
    if (stop.aborted) break;
    corrected += await volumeLock.run(name, () => reconcileVolume(deps, name, seemsMounted));
    await afterOtherWork();
  }
  return corrected;
}

async function reconcileVolume(
  deps: ReconcileDeps,
  name: string,
  seemsMounted: (volume: string) => Promise<boolean>,
): Promise<number> {
  const { store, resolver, catalog, administration } = deps;
  let corrected = 0;
  try {
    if (await administration.settleOne(name)) corrected += 1;
    const volume = await catalog.settle(name);
    if (volume === 'corrected') corrected += 1;
    for (const lease of store.leasesOn(name)) {
      if (await resolver.reconcile(lease)) corrected += 1;
    }
    const isLeased = store.leasesOn(name).length > 0;
    if (volume !== 'unresolved' && !isLeased && (await seemsMounted(name))) await reportMount(deps, name);
  } catch (thrown) {
    catalog.reportOnce('use', name, `volume ${name} cannot be examined: ${errorMessage(thrown)}`);
  }
  return corrected;
}

/** Reports a mount that has no lease, because it prevents containers from using the volume. */
async function reportMount({ inspector, catalog }: ReconcileDeps, name: string): Promise<void> {
  const [found] = await inspector.findMounts(name);
  if (found === undefined) return; // it was unmounted after the scan
  const { sentence } = mountedElsewhere(name, found, found.namespace === namespaceOf('self', 'mnt'));
  catalog.reportOnce('use', name, `${sentence}, without a lease`);
}
