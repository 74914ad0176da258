import type { Volume } from '../../protocol/contract.ts';
import { formatSize } from '../../terminal/size.ts';
import type { Backend, Growth } from '../backends/backend.ts';
import { noSizeOfItsOwn } from '../backends/refusals.ts';
import type { EmitEvent } from '../events/event.ts';
import { type HeldProcess, ProcessEndedError, withMountNamespace } from '../mounting/held-process.ts';
import { MountHungError } from '../mounting/mounter.ts';
import { checkVolumeName } from '../refusals/check-volume-name.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store/store.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import type { ContainerWatch } from './container-watch.ts';
import { withLeases } from './list-leases.ts';
import { endedWhileGrowing, readonlyCannotGrow } from './refusals.ts';
import type { LeaseResolver } from './resolve-lease.ts';

export interface GrowDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly volumeLock: KeyedMutex;
  readonly catalog: VolumeCatalog;
  readonly watch: ContainerWatch;
  readonly resolver: LeaseResolver;
  readonly emit: EmitEvent;
}

/**
 * Grows a volume. Containers may have the volume mounted.
 * @throws RefusalError bad_volume_name, not_found, bad_request, busy, backend_failed
 */
export async function growVolume(deps: GrowDeps, name: string, sizeBytes: number): Promise<Volume> {
  const { store, backend, volumeLock, catalog, watch, resolver, emit } = deps;
  checkVolumeName(name);
  return volumeLock.run(name, async () => {
    const volume = catalog.known(name);
    const living = store.leasesOn(name).filter(({ id }) => watch.living(id) !== undefined);
    for (const lease of living) resolver.checkNotHung(lease);
    const writer = living.find(({ readonly }) => readonly !== true);
    const held = writer === undefined ? undefined : watch.living(writer.id);
    if (writer !== undefined && held !== undefined) await growMounted(deps, writer, held, volume, sizeBytes);
    else if (living[0] !== undefined) throw readonlyCannotGrow(living[0]);
    else await growthOf(backend, name).grow(volume, sizeBytes);
    emit(`volume ${name} has grown to ${formatSize(sizeBytes)}`, { event: 'volume.grown', volume: name });
    return withLeases(store, volume);
  });
}

function growthOf({ growth, description }: Backend, volume: string): Growth {
  if (growth === null) throw noSizeOfItsOwn(volume, description);
  return growth;
}

/** Grows a mounted file system through the mount of a lease that writes. */
async function growMounted(
  { backend, resolver }: GrowDeps,
  lease: LeaseRecord,
  held: HeldProcess,
  volume: VolumeRecord,
  sizeBytes: number,
): Promise<void> {
  try {
    await withMountNamespace(held, (container) =>
      growthOf(backend, volume.name).grow(volume, sizeBytes, { container, target: lease.target }),
    );
  } catch (thrown) {
    if (thrown instanceof ProcessEndedError) throw endedWhileGrowing(lease);
    throw thrown instanceof MountHungError ? resolver.keepHungLease(lease, thrown) : thrown;
  }
}
