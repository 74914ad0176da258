import { randomUUID } from 'node:crypto';
import {
  isSharedWithHost,
  liesIn,
  mountsOf,
  type SourceFolder,
  sourceFolder,
  topmostOn,
} from '../../linux/mountinfo.ts';
import { namespaceOf } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend } from '../backends/backend.ts';
import type { EmitEvent } from '../events/event.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import { idViewFor } from '../mounting/idmap/id-view.ts';
import { mountWithIdMapping } from '../mounting/idmap/mount-with-id-mapping.ts';
import type { MountInspector } from '../mounting/mount-inspector.ts';
import { locateMount } from '../mounting/mount-location.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import { type Mounter, MountHungError } from '../mounting/mounter.ts';
import { belongsToContainer } from '../mounting/namespace-ownership.ts';
import type { Container, Peer } from '../runtimes/runtime.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store/store.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import { type AccessMode, conflicts } from './access-mode.ts';
import { isSameContainer } from './checks.ts';
import type { ContainerWatch } from './container-watch.ts';
import { type EngineMountLeases, justAsked } from './engine-mount-leases.ts';
import { type HeldProcess, type HoldProcess, withMountNamespace } from './held-process.ts';
import type { LeaseRecorder } from './lease-recorder.ts';
import * as refusals from './refusals.ts';
import type { LeaseResolver } from './resolve-lease.ts';

/** What it works with; all of it is the ledger's. */
export interface GrantingMeans {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly hold: HoldProcess;
  readonly emit: EmitEvent;
  readonly journal: LeaseRecorder;
  readonly watched: ContainerWatch;
  readonly sight: MountInspector;
  readonly truth: LeaseResolver;
  readonly volumes: VolumeCatalog;
  readonly hostMounts: HostMounts;
  readonly forEngine: EngineMountLeases;
}

/** Makes leases: the volume, the entry, the mount, and back again when one of them fails. */
export class LeaseGranter {
  private readonly base: SourceFolder;

  constructor(private readonly means: GrantingMeans) {
    this.base = sourceFolder(means.backend.base);
  }

  /**
   * Mounts a volume in a container.
   * @param others the leases that are on the volume, none of which excludes this one
   * @throws RefusalError bad_target, not_permitted, volume_in_use, busy, backend_failed
   */
  async grant(
    container: Container,
    peer: Peer,
    volume: string,
    target: string,
    others: readonly LeaseRecord[],
  ): Promise<LeaseRecord> {
    const { hold, backend, volumes, journal, watched, truth, emit } = this.means;
    const held = hold(container.first);
    if (held === undefined) throw refusals.containerEnded(container.name);
    let lease: LeaseRecord | undefined;
    let made: VolumeRecord | undefined;
    let mountId: number | undefined;
    try {
      if (container.engineMount === true) await this.means.forEngine.checkIsThere(volume);
      else this.checkPlace(container, target);
      const ids = idViewFor(container, peer);
      const { readonly, shared, sizeBytes, snapshot } = container;
      const wish = {
        owner: ids.owner,
        shared,
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
        ...(snapshot === undefined ? {} : { snapshot }),
      };
      const { record, isNew } = await volumes.prepare(volume, wish);
      if (isNew) made = record;
      const manner = accessModeOf(container, record);
      const found = isNew ? nothing : await this.lookFor(container, volume, target, manner, others);
      const { adopted } = found;
      if (adopted === undefined) this.checkFree(container, target);
      lease = {
        id: randomUUID(),
        volume,
        container: container.id,
        containerName: container.name,
        first: container.first,
        target,
        ...manner,
        ...(container.engineMount === true ? { engine: justAsked() } : {}),
        state: 'mounting',
        mountId: 0,
        since: new Date().toISOString(),
      };
      await journal.begin(lease, record);
      if (lease.engine !== undefined) this.means.hostMounts.createMountPoint(target);
      const options = { readonly, beside: found.isElsewhere || others.length > 0 };
      const asTheyAre = !backend.canMapIds;
      const show = { volume, isNew, ids, peer, asTheyAre };
      mountId =
        adopted ??
        (await withMountNamespace(held, (into) =>
          mountWithIdMapping(show, options, (how) => backend.mount(into, record, target, how), emit),
        ));
      // The container may have ended while we mounted: then the mount has gone with its namespace.
      if (!held.isAlive()) throw refusals.containerEnded(container.name);
      const mounted = await journal.advance(lease, 'mounted', { mountId });
      watched.watch(mounted, held);
      if (made !== undefined) volumes.tellOfNew(made, wish);
      journal.emit(mounted, 'lease.granted', `mounted on ${target}`);
      return mounted;
    } catch (thrown) {
      if (lease !== undefined && thrown instanceof MountHungError) {
        watched.watch(lease, held);
        throw truth.leaveHanging(lease, thrown);
      }
      if (lease !== undefined) await this.undo(lease, mountId, held);
      if (made !== undefined && mountId === undefined) await volumes.discard(made);
      if (lease === undefined || !watched.has(lease.id, held)) held.close();
      throw thrown;
    }
  }

  /**
   * What can't be recorded may not stay. If even that fails, the lease stays as it is in the store, and the next request
   * finds out what is true.
   */
  private async undo(lease: LeaseRecord, mountId: number | undefined, held: HeldProcess): Promise<void> {
    const { mounter, journal, store, watched } = this.means;
    try {
      if (mountId !== undefined && held.isAlive()) {
        await withMountNamespace(held, (from) => mounter.unmount(from, lease.target, mountId));
      }
      await journal.advance(lease, 'mountFailed');
      if (lease.engine !== undefined) this.means.hostMounts.removeMountPoint(lease.target);
    } catch (thrown) {
      journal.emit(lease, 'lease.unresolved', `what was begun could not be undone: ${errorMessage(thrown)}`);
      if (store.lease(lease.id) !== undefined) watched.watch(lease, held);
    }
  }

  /** Whether a volume may be mounted on a folder of the container at all. */
  private checkPlace({ first }: Container, target: string): void {
    if (isSharedWithHost(first.pid, target)) throw refusals.sharedTarget(target);
    if (liesIn(first.pid, target, this.base)) throw refusals.targetInBackend(target);
  }

  /** A mount point that has another volume of this container would only hide it. */
  private checkFree(container: Container, target: string): void {
    const there = this.means.store
      .leases()
      .find((lease) => lease.target === target && isSameContainer(lease, container));
    if (there !== undefined) throw refusals.takenTarget(target, there.volume);
    const top = topmostOn(mountsOf(container.first.pid) ?? [], target);
    if (top !== undefined && this.means.backend.ownsMount(top)) throw refusals.takenTarget(target);
  }

  /**
   * The last look before a mount, at the kernel's own word, because the store may be lost and a namespace may have been
   * left over.
   * @throws RefusalError volume_in_use when it is mounted where it excludes what is asked for
   */
  private async lookFor(
    { first, name }: Container,
    volume: string,
    target: string,
    manner: AccessMode,
    others: readonly LeaseRecord[],
  ): Promise<Found> {
    const { sight } = this.means;
    const uses = await sight.usesOf(volume);
    const mine = namespaceOf(first.pid, 'mnt');
    const inside = uses.filter(({ namespace }) => namespace === mine);
    const outside = uses.filter(({ namespace }) => namespace !== mine);
    const source = await sight.source(volume);
    const there = await locateMount(first.pid, source, target, async () => inside);
    if (there.kind === 'unknown') throw refusals.unreadableMounts(name);
    const adopted = there.kind === 'onTarget' ? there.mount.id : undefined;
    // What a container has already gives nobody anything new: after a lost state, those that share find it again.
    const isMere = manner.readonly === true || (manner.shared === true && adopted !== undefined);
    const other = isMere ? undefined : outside.find((use) => excludes(use, manner, others));
    if (other !== undefined) {
      throw refusals.mountedElsewhere(volume, other, other.namespace === namespaceOf('self', 'mnt'));
    }
    if (there.kind === 'elsewhere') throw refusals.mountedOnOther(volume, there.use.mount.point);
    return { adopted, isElsewhere: outside.length > 0 };
  }
}

/** What the kernel says of a volume that is to be mounted. */
interface Found {
  /** The id of the mount when the volume is on the container's mount point already. */
  readonly adopted: number | undefined;
  /** Whether it is mounted in other mount namespaces. */
  readonly isElsewhere: boolean;
}

const nothing: Found = { adopted: undefined, isElsewhere: false };

/** How a container's lease would be on a volume; read-only and shared stand in it only when they are so. */
export function accessModeOf(
  { readonly, shared }: Container,
  volume: VolumeRecord | undefined,
): { readonly readonly?: true; readonly shared?: true } {
  if (readonly) return { readonly };
  return shared && volume?.shared === true ? { shared } : {};
}

/** Whether a mount keeps somebody from writing: another one that can write, unless it is by a lease that shares. */
function excludes(use: VolumeMount, manner: AccessMode, others: readonly LeaseRecord[]): boolean {
  if (use.mount.readonly) return false;
  // One by a lease that only reads was made so by the container itself.
  const writers = others.filter((other) => other.readonly !== true && !conflicts(other, manner));
  return !writers.some(({ first }) => belongsToContainer(use, first));
}
