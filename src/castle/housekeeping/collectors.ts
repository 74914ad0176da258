import type { Backend } from '../backends/backend.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import type { Store } from '../store/store.ts';
import { backendStrays } from './backend-strays.ts';
import type { Collector } from './collector.ts';
import { idleLoopDevices } from './devices.ts';
import { halfMadeVolumes } from './half-made-volumes.ts';
import { hostMountsWithoutLease } from './host-mounts.ts';
import { endedLeases } from './leases.ts';
import { overdueTrash } from './trash.ts';
import { unknownVolumes } from './unknown-volumes.ts';

/** What the collectors work with. */
export interface Parts {
  readonly store: Store;
  readonly backend: Backend;
  readonly ledger: LeaseService;
  readonly hostMounts: HostMounts;
  /** How long deleted volumes are kept, in milliseconds. */
  readonly keepDeletedMs: number;
}

/** All collectors: leases before mounts, mounts before devices, since one keeps the next. Adding one is a file and a line here. */
export function collectorsFor({
  store,
  backend,
  ledger,
  hostMounts,
  keepDeletedMs,
}: Parts): readonly Collector[] {
  return [
    endedLeases(store, ledger),
    hostMountsWithoutLease(store, backend, ledger, hostMounts),
    idleLoopDevices(backend, ledger),
    halfMadeVolumes(store, backend.name, ledger),
    unknownVolumes(store, backend),
    overdueTrash(ledger.administration, backend.name, keepDeletedMs),
    backendStrays(store, backend),
  ];
}
