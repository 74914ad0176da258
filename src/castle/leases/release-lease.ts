import { type HeldProcess, ProcessEndedError, withMountNamespace } from '../mounting/held-process.ts';
import { type Mounter, MountHungError } from '../mounting/mounter.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { LeaseRecord, Store } from '../store/store.ts';
import type { MountInspector } from '../volumes/mount-inspector.ts';
import type { ContainerWatch } from './container-watch.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import * as refusals from './refusals.ts';
import type { LeaseResolver } from './resolve-lease.ts';

export interface UnmountDeps {
  readonly mounter: Mounter;
  readonly inspector: MountInspector;
  readonly recorder: LeaseRecorder;
  readonly watch: ContainerWatch;
  readonly resolver: LeaseResolver;
}

export interface ReleaseDeps extends UnmountDeps {
  readonly store: Store;
  readonly volumeLock: KeyedMutex;
}

/**
 * Releases a lease at the request of its container. The container keeps running.
 * @throws RefusalError not_found, busy, backend_failed; the lease is unchanged then
 */
export async function releaseLease(deps: ReleaseDeps, container: Container, id: string): Promise<void> {
  const { store, volumeLock, resolver, recorder } = deps;
  const known = store.lease(id);
  if (known === undefined || known.container !== container.id) throw refusals.noSuchLease(id);
  await volumeLock.run(known.volume, async () => {
    const lease = store.lease(id);
    if (lease === undefined) throw refusals.noSuchLease(id);
    resolver.checkNotHung(lease);
    await unmountAndEnd(deps, lease);
    recorder.emit(lease, 'lease.released', 'released by its container');
  });
}

/**
 * Unmounts the volume of a lease and ends the lease. The caller holds the volume's lock.
 * @throws RefusalError busy, backend_failed; the lease is unchanged then
 */
export async function unmountAndEnd(deps: UnmountDeps, lease: LeaseRecord): Promise<void> {
  const { recorder, watch, resolver } = deps;
  const held = watch.living(lease.id);
  const releasing = await recorder.advance(lease, 'release');
  try {
    // When the container has ended, the kernel has removed the mount with the container's mount namespace.
    if (held !== undefined) await unmount(deps, lease, held);
  } catch (thrown) {
    if (thrown instanceof MountHungError) throw resolver.keepHungLease(releasing, thrown);
    await recorder.advance(releasing, 'releaseFailed');
    throw thrown;
  }
  watch.unwatch(lease.id);
  await recorder.advance(releasing, 'released');
}

/** Unmounts the volume of a lease, and verifies that the container has no other mount of the volume. */
async function unmount(
  { mounter, inspector }: UnmountDeps,
  lease: LeaseRecord,
  held: HeldProcess,
): Promise<void> {
  try {
    await withMountNamespace(held, (from) => mounter.unmount(from, lease.target, lease.mountId));
  } catch (thrown) {
    if (thrown instanceof ProcessEndedError) return;
    if (!(thrown instanceof RefusalError && thrown.code === 'not_found')) throw thrown;
  }
  const location = await inspector.locate(lease);
  if (!held.isAlive()) return;
  switch (location.kind) {
    case 'gone':
      return;
    case 'unknown':
      throw refusals.unreadableMounts(lease.containerName);
    case 'onTarget':
      throw refusals.cannotUnmount(lease.volume, location.mount.point);
    case 'elsewhere':
      throw refusals.cannotUnmount(lease.volume, location.found.mount.point);
  }
}
