import { randomUUID } from 'node:crypto';
import { errorMessage } from '../../failure.ts';
import type { Backend } from '../backends/backend.ts';
import { Hangs, type Mounter } from '../mount.ts';
import {
  isSharedWithHost,
  liesIn,
  mountsOf,
  type SourceFolder,
  sourceFolder,
  topmostOn,
} from '../mountinfo.ts';
import { namespaceOf } from '../proc.ts';
import type { Container, Peer } from '../runtime/runtime.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store.ts';
import { isSameContainer } from './checks.ts';
import { entering, type HeldProcess, type Hold } from './containers.ts';
import type { Journal } from './journal.ts';
import * as refusals from './refusals.ts';
import type { Sight } from './sight.ts';
import type { Truth } from './truth.ts';
import type { Volumes } from './volumes.ts';
import type { Watched } from './watched.ts';
import { whereaboutsOf } from './whereabouts.ts';

/** What it works with; all of it is the ledger's. */
export interface GrantingMeans {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly hold: Hold;
  readonly journal: Journal;
  readonly watched: Watched;
  readonly sight: Sight;
  readonly truth: Truth;
  readonly volumes: Volumes;
}

/** Makes leases: the volume, the entry, the mount, and back again when one of them fails. */
export class Granting {
  private readonly base: SourceFolder;

  constructor(private readonly means: GrantingMeans) {
    this.base = sourceFolder(means.backend.base);
  }

  /**
   * Mounts a volume that nobody has in a container.
   * @throws Refused bad_target, not_permitted, volume_in_use, busy, backend_failed
   */
  async grant(container: Container, peer: Peer, volume: string, target: string): Promise<LeaseRecord> {
    const { hold, backend, volumes, journal, watched, truth } = this.means;
    const held = hold(container.first);
    if (held === undefined) throw refusals.containerEnded(container.name);
    let lease: LeaseRecord | undefined;
    let made: VolumeRecord | undefined;
    let mountId: number | undefined;
    try {
      this.checkPlace(container, target);
      const { readonly, sizeBytes } = container;
      const { record, isNew } = await volumes.prepare(volume, {
        owner: peer,
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
      });
      if (isNew) made = record;
      const adopted = isNew ? undefined : await this.adoptable(container, volume, target);
      if (adopted === undefined) this.checkFree(container, target);
      lease = {
        id: randomUUID(),
        volume,
        container: container.id,
        containerName: container.name,
        first: container.first,
        target,
        ...(readonly ? { readonly } : {}),
        state: 'mounting',
        mountId: 0,
        since: new Date().toISOString(),
      };
      await journal.begin(lease, record);
      mountId =
        adopted ?? (await entering(held, (into) => backend.mount(into, record, target, { readonly })));
      // The container may have ended while we mounted: then the mount has gone with its namespace.
      if (!held.isAlive()) throw refusals.containerEnded(container.name);
      const mounted = await journal.advance(lease, 'mounted', { mountId });
      watched.watch(mounted, held);
      if (made !== undefined) volumes.tellOfNew(made, peer);
      journal.say(mounted, 'lease.granted', `mounted on ${target}`);
      return mounted;
    } catch (thrown) {
      if (lease !== undefined && thrown instanceof Hangs) {
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
        await entering(held, (from) => mounter.unmount(from, lease.target, mountId));
      }
      await journal.advance(lease, 'mountFailed');
    } catch (thrown) {
      journal.say(lease, 'lease.unclear', `what was begun could not be undone: ${errorMessage(thrown)}`);
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
    if (top !== undefined && this.means.backend.shows(top)) throw refusals.takenTarget(target);
  }

  /**
   * The last look before a mount, at the kernel's own word, because the store may be lost and a namespace may have been
   * left over.
   * @returns the id of the mount when the volume is on the container's mount point already, undefined when it is nowhere
   */
  private async adoptable(
    { first, name }: Container,
    volume: string,
    target: string,
  ): Promise<number | undefined> {
    const { sight } = this.means;
    const uses = await sight.usesOf(volume);
    const mine = namespaceOf(first.pid, 'mnt');
    const other = uses.find(({ namespace }) => namespace !== mine);
    if (other !== undefined) {
      throw refusals.mountedElsewhere(volume, other, other.namespace === namespaceOf('self', 'mnt'));
    }
    const source = await sight.source(volume);
    const there = await whereaboutsOf(first.pid, source, target, async () => uses);
    if (there.kind === 'unknown') throw refusals.unreadableMounts(name);
    if (there.kind === 'elsewhere') throw refusals.mountedOnOther(volume, there.use.mount.point);
    return there.kind === 'onTarget' ? there.mount.id : undefined;
  }
}
