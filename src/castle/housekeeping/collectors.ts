import type { ContainerWatch } from '../leases/container-watch.ts';
import type { VolumeAdministration } from '../volumes/volume-administration.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import { backendGarbage } from './backend-garbage.ts';
import type { Collector } from './collector.ts';
import { endedLeases } from './ended-leases.ts';
import { idleLoopDevices } from './idle-loop-devices.ts';
import { overdueTrash } from './overdue-trash.ts';
import { unfinishedVolumes } from './unfinished-volumes.ts';
import { unknownVolumes } from './unknown-volumes.ts';
import { type HostMountDeps, unleasedHostMounts } from './unleased-host-mounts.ts';

/** The dependencies of the collectors. */
export interface CollectorDeps extends HostMountDeps {
  readonly watch: ContainerWatch;
  readonly catalog: VolumeCatalog;
  readonly administration: VolumeAdministration;
  /** How long deleted volumes are kept, in milliseconds. */
  readonly keepDeletedMs: number;
}

/** Returns all collectors. Leases come before mounts, and mounts before devices: a lease uses a mount, and a mount a device. */
export function collectorsFor(deps: CollectorDeps): readonly Collector[] {
  const { store, backend, volumeLock, watch, catalog, administration, keepDeletedMs } = deps;
  return [
    endedLeases(store, watch),
    unleasedHostMounts(deps),
    idleLoopDevices(backend, volumeLock),
    unfinishedVolumes(store, backend.name, volumeLock, catalog),
    unknownVolumes(store, backend),
    overdueTrash(administration, backend.name, keepDeletedMs),
    backendGarbage(store, backend),
  ];
}
