/**
 * All parts of the lease service, created in the order of their dependencies. The operations (requestLease, releaseLease,
 * growVolume, reconcileAll) are functions that take their dependencies from this object.
 *
 * Every change is written to the store before it is made and after it was made. One operation at a time runs per volume.
 * A lease ends when its container's first process ends. A lease that cannot be examined is never ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type SourceFolder, sourceFolder } from '../../linux/mountinfo.ts';
import type { Backend } from '../backends/backend.ts';
import type { EmitEvent } from '../events/event.ts';
import type { HoldProcess } from '../mounting/held-process.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import type { Mounter } from '../mounting/mounter.ts';
import { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import { MountInspector } from '../volumes/mount-inspector.ts';
import { UnusedVolumeRelease } from '../volumes/release-when-unused.ts';
import { VolumeAdministration } from '../volumes/volume-administration.ts';
import { type CreateFromSnapshot, VolumeCatalog } from '../volumes/volume-catalog.ts';
import { ContainerWatch } from './container-watch.ts';
import { EngineMountLeases } from './engine-mount-leases.ts';
import { LeaseRecorder } from './lease-recorder.ts';
import { LeaseResolver } from './resolve-lease.ts';
import { WaitQueue } from './wait-queue.ts';

/** How long a stop waits for operations in progress, in milliseconds: longer than the time limit of a mount. */
const finishWithinMs = 15_000;

export interface LeaseServiceDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly holdProcess: HoldProcess;
  readonly createFromSnapshot: CreateFromSnapshot;
  /** The mount points on the host for an engine. */
  readonly hostMounts: HostMounts;
  /** Allows one operation at a time per volume, including operations on the volume's snapshots. */
  readonly volumeLock: KeyedMutex;
  readonly emit: EmitEvent;
}

export interface LeaseService extends LeaseServiceDeps {
  /** Allows one operation at a time per mount point of a container. Lock order: first the volume, then the mount point. */
  readonly targetLock: KeyedMutex;
  /** The folder in which the backend keeps all volumes. */
  readonly volumesFolder: SourceFolder;
  readonly inspector: MountInspector;
  readonly catalog: VolumeCatalog;
  readonly queue: WaitQueue;
  readonly unusedVolumes: UnusedVolumeRelease;
  readonly recorder: LeaseRecorder;
  readonly watch: ContainerWatch;
  readonly resolver: LeaseResolver;
  readonly engineMounts: EngineMountLeases;
  readonly administration: VolumeAdministration;
}

export function createLeaseService(deps: LeaseServiceDeps): LeaseService {
  const { store, backend, hostMounts, volumeLock, emit } = deps;
  const targetLock = new KeyedMutex();
  const volumesFolder = sourceFolder(backend.base);
  const inspector = new MountInspector(store, backend, hostMounts);
  const catalog = new VolumeCatalog(store, backend, emit, deps.createFromSnapshot);
  const queue = new WaitQueue();
  const unusedVolumes = new UnusedVolumeRelease({ store, backend, volumeLock, inspector, emit });
  const recorder = new LeaseRecorder(store, queue, unusedVolumes, emit);
  const watch = new ContainerWatch(store, recorder, volumeLock, hostMounts);
  const resolver = new LeaseResolver({ ...deps, recorder, watch, inspector });
  const engineMounts = new EngineMountLeases({ ...deps, inspector, recorder, watch, resolver });
  const endUnusedEngineMounts = (volume: string) => engineMounts.endUnusedOn(volume);
  const administration = new VolumeAdministration({ ...deps, inspector, catalog, endUnusedEngineMounts });
  return {
    ...deps,
    targetLock,
    volumesFolder,
    inspector,
    catalog,
    queue,
    unusedVolumes,
    recorder,
    watch,
    resolver,
    engineMounts,
    administration,
  };
}

/** Waits for operations in progress, for at most 15 seconds, then stops watching containers. Mounts and leases stay. */
export async function closeLeaseService({ unusedVolumes, volumeLock, watch }: LeaseService): Promise<void> {
  unusedVolumes.close();
  await Promise.race([volumeLock.idle(), sleep(finishWithinMs, undefined, { ref: false })]);
  watch.close();
}
