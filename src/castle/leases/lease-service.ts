/**
 * All parts of the lease service, created in the order in which they need each other. The operations are functions that
 * take the parts that they need from here: requestLease, releaseLease, growVolume, reconcileAll.
 *
 * Every change is written to the store before it is made and after it was made. One operation at a time runs per volume.
 * A lease lives as long as its container's first process, and never ends because something could not be examined.
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

/** How long operations that are under way may delay the stop, in milliseconds: longer than a mount takes. */
const finishWithinMs = 15_000;

export interface LeaseServiceDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly holdProcess: HoldProcess;
  readonly createFromSnapshot: CreateFromSnapshot;
  /** Where volumes are mounted on the host for an engine. */
  readonly hostMounts: HostMounts;
  /** One operation at a time per volume; shared with the snapshots. */
  readonly volumeLock: KeyedMutex;
  readonly emit: EmitEvent;
}

export interface LeaseService extends LeaseServiceDeps {
  /** One operation at a time per mount point of a container. Taken while a volume's lock is held, never the other way. */
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

/** Waits for operations that are under way, within a bound, then stops watching containers. Mounts and leases stay. */
export async function closeLeaseService({ unusedVolumes, volumeLock, watch }: LeaseService): Promise<void> {
  unusedVolumes.close();
  await Promise.race([volumeLock.idle(), sleep(finishWithinMs, undefined, { ref: false })]);
  watch.close();
}
