import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, LeaseRequest, Volume } from '../../contract.ts';
import { errorMessage } from '../../failure.ts';
import type { Backend } from '../backends/backend.ts';
import type { EventName, Say } from '../chronicle/happening.ts';
import { type Entrance, Hangs, type Mounter } from '../mount.ts';
import {
  isSharedWithHost,
  liesIn,
  mountsOf,
  type SourceFolder,
  sourceFolder,
  topmostOn,
} from '../mountinfo.ts';
import { bootId, identify, namespaceOf } from '../proc.ts';
import { Refused } from '../refused.ts';
import type { Container, Peer } from '../runtime/runtime.ts';
import { formatSize } from '../size.ts';
import type { EngineMount, LeaseRecord, Store, VolumeRecord } from '../store.ts';
import { Administration } from './administration.ts';
import { Census, type Use } from './census.ts';
import { checkPermission, checkTarget, checkVolumeName } from './checks.ts';
import type { HeldProcess, Hold } from './containers.ts';
import { type HostMounts, isOver } from './host-mounts.ts';
import { OneAtATime } from './one-at-a-time.ts';
import * as refusals from './refusals.ts';
import { after, type LeaseEvent } from './states.ts';
import { Volumes } from './volumes.ts';
import { type Whereabouts, whereaboutsOf } from './whereabouts.ts';

/** How long what is under way may take when the castle is to stop, in milliseconds: longer than a mount. */
const lastWorkMs = 15_000;

/** What the ledger works with; each is real in the castle. */
export interface Means {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly hold: Hold;
  /** Where volumes are mounted on the host for an engine. */
  readonly hostMounts: HostMounts;
  /** Tells people what happened, in one line. */
  readonly say: Say;
}

/**
 * Who has what. Every change is written to the store before it is made and after; one operation at a time per volume;
 * a lease lives as long as its container's first process, and never ends because something could not be looked at.
 */
export class Ledger {
  private readonly held = new Map<string, HeldProcess>();
  private readonly perVolume = new OneAtATime();
  /** Leases for which a castle-mount hangs: until it has ended, nobody can say what becomes of them. */
  private readonly hanging = new Set<string>();
  /** Leases of which people were told that it cannot be told whether they are over: that is looked at every few seconds. */
  private readonly unclear = new Set<string>();
  /** Taken while a volume is, never the other way round: so nobody waits in a circle. */
  private readonly perTarget = new OneAtATime();
  private readonly volumes: Volumes;
  private readonly census = new Census();
  private readonly base: SourceFolder;
  /** What the host's root orders. */
  readonly administration: Administration;

  constructor(private readonly means: Means) {
    this.volumes = new Volumes(means.store, means.backend, means.say);
    this.base = sourceFolder(means.backend.base);
    const { volumes, perVolume } = this;
    const usesOf = (volume: string) => this.usesOf(volume);
    const settle = async (volume: string) => {
      const lease = this.leaseOn(volume);
      if (lease !== undefined) await this.settleHostMount(lease);
    };
    this.administration = new Administration({ ...means, volumes, perVolume, usesOf, settle });
  }

  /**
   * Grants a lease and mounts the volume. The same container asking again for the same gets the same lease.
   * @returns the lease, and whether it is a new one
   * @throws Refused bad_volume_name, bad_target, not_permitted, volume_in_use, busy, backend_failed
   */
  async request(
    container: Container,
    peer: Peer,
    { volume, target }: LeaseRequest,
  ): Promise<{ readonly lease: Lease; readonly isNew: boolean }> {
    checkVolumeName(volume);
    checkTarget(target);
    checkPermission(container, volume);
    return this.perVolume.run(volume, async () => {
      const active = this.leaseOn(volume);
      if (active !== undefined) {
        const same = await this.sameLease(active, container, target);
        if (same !== undefined) return { lease: toLease(await this.askedAgain(same)), isNew: false };
      }
      const granted = await this.perTarget.run(`${container.id} ${target}`, () =>
        this.grant(container, peer, volume, target),
      );
      return { lease: toLease(granted), isNew: true };
    });
  }

  /**
   * Takes the mount away and ends the lease.
   * @throws Refused not_found, busy, backend_failed
   */
  async release(container: Container, id: string): Promise<void> {
    const known = this.means.store.lease(id);
    if (known === undefined || known.container !== container.id) throw refusals.noSuchLease(id);
    await this.perVolume.run(known.volume, async () => {
      const lease = this.means.store.lease(id);
      if (lease === undefined) throw refusals.noSuchLease(id);
      this.checkNothingHangs(lease);
      await this.unmount(lease);
      this.say(lease, 'lease.released', 'given back');
    });
  }

  /**
   * Makes a volume larger, under the container that has it if there is one.
   * @throws Refused bad_volume_name, not_found, bad_request, busy, backend_failed
   */
  async grow(name: string, sizeBytes: number): Promise<Volume> {
    checkVolumeName(name);
    return this.perVolume.run(name, async () => {
      const volume = this.volumes.known(name);
      const lease = this.leaseOn(name);
      const held = lease === undefined ? undefined : this.held.get(lease.id);
      if (lease === undefined || held?.isAlive() !== true) {
        await this.means.backend.grow(volume, sizeBytes);
      } else {
        this.checkNothingHangs(lease);
        if (lease.readonly === true) throw refusals.readonlyCannotGrow(lease);
        await this.growMounted(lease, held, volume, sizeBytes);
      }
      this.means.say(`volume ${name} has grown to ${formatSize(sizeBytes)}`, {
        event: 'volume.grown',
        volume: name,
      });
      return { ...volume, ...(lease === undefined ? {} : { lease: lease.id }) };
    });
  }

  /**
   * An engine says that it needs a mount on the host no more. It says so after each copy from or to a running container,
   * too (moby's MountPoint.Cleanup): what a container still has stays, and ends with that.
   * @param id the engine's, as it asked with
   * @throws Refused busy, backend_failed
   */
  async releaseHostMount(volume: string, id: string): Promise<void> {
    await this.perVolume.run(volume, async () => {
      const lease = this.leaseOn(volume);
      if (lease?.engine === undefined || lease.container !== id) return;
      this.checkNothingHangs(lease);
      if ((await this.usesByContainers(lease)).length > 0) await this.sawInUse(lease);
      else await this.endHostMount(lease, 'the engine needs it no more');
    });
  }

  /**
   * Ends the leases of mounts on the host that no container has any more, though the engine did not say so: it forgets to
   * when it was started again meanwhile, or when the castle was away.
   * @returns those that are left
   */
  async settleHostMounts(): Promise<readonly LeaseRecord[]> {
    const left: LeaseRecord[] = [];
    for (const { volume, id } of this.hostMountLeases()) {
      await this.perVolume.run(volume, async () => {
        const lease = this.means.store.lease(id);
        if (lease !== undefined && !(await this.settleHostMount(lease))) left.push(lease);
      });
    }
    return left;
  }

  /** The leases of mounts on the host for an engine. */
  hostMountLeases(): readonly LeaseRecord[] {
    return this.means.store.leases().filter(({ engine }) => engine !== undefined);
  }

  /** Does something while no order changes who has a volume. */
  exclusively<T>(volume: string, act: () => Promise<T>): Promise<T> {
    return this.perVolume.run(volume, act);
  }

  /** Finds out what became of a volume whose creation did not come to its end; exclusively. */
  async settleHalfMade(name: string): Promise<void> {
    await this.volumes.settle(this.volumes.known(name));
  }

  /**
   * Takes a mount of the castle's own mount namespace away; exclusively.
   * @throws Refused busy, not_found, backend_failed; Hangs
   */
  async unmountOnHost(target: string, mountId: number): Promise<void> {
    const host = this.means.hold(identify(process.pid));
    if (host === undefined) throw new Error('the castle has no process');
    try {
      await entering(host, (from) => this.means.mounter.unmount(from, target, mountId));
    } finally {
      host.close();
    }
  }

  /** Leases that are not ended; only those of one container when one is named. */
  leases(container?: Container): Lease[] {
    return this.means.store
      .leases()
      .filter((lease) => container === undefined || lease.container === container.id)
      .map(toLease);
  }

  /** All volumes, with who has them. */
  list(): Volume[] {
    const holders = new Map(this.means.store.leases().map((lease) => [lease.volume, lease.id]));
    return this.means.store.volumes().map((volume) => {
      const lease = holders.get(volume.name);
      return { ...volume, ...(lease === undefined ? {} : { lease }) };
    });
  }

  /**
   * Finds out what is true after a start, and makes the store agree: which containers still run, which mounts are
   * really there, which volumes were being created. Never unmounts and never deletes a volume; what cannot be looked
   * at stays as it is and stops nothing else.
   */
  async reconcile(): Promise<void> {
    await this.means.backend.sweep();
    await this.administration.reconcile();
    await this.volumes.reconcile();
    for (const lease of this.means.store.leases()) await this.takeUp(lease);
    const [leases, volumes] = [this.means.store.leases().length, this.means.store.volumes().length];
    this.means.say(`looked at everything; volumes: ${volumes}, leases: ${leases}`, {
      event: 'reconcile.done',
    });
  }

  /**
   * Somebody says that containers have ended. Their leases end when their first processes have, too: the engine's word
   * is a second witness, never the only one.
   * @param isSaid picks the leases
   * @returns those whose containers live all the same
   */
  async checkEnded(isSaid: (lease: Lease) => boolean): Promise<readonly Lease[]> {
    const alive: Lease[] = [];
    // An engine knows nothing of its mounts' ids: they are no containers.
    const containers = this.means.store.leases().filter(({ engine }) => engine === undefined);
    for (const { volume, id } of containers.map(toLease).filter(isSaid)) {
      await this.perVolume.run(volume, async () => {
        const now = this.means.store.lease(id);
        if (now === undefined) return;
        if (this.held.get(id)?.isAlive() === true) alive.push(toLease(now));
        else await this.end(now, 'its container has ended');
      });
    }
    return alive;
  }

  /** Waits for what is under way, within a bound, then lets go of the containers; their mounts and leases stay. */
  async close(): Promise<void> {
    await Promise.race([this.perVolume.idle(), sleep(lastWorkMs, undefined, { ref: false })]);
    for (const held of this.held.values()) held.close();
    this.held.clear();
  }

  private async growMounted(
    lease: LeaseRecord,
    held: HeldProcess,
    volume: VolumeRecord,
    sizeBytes: number,
  ): Promise<void> {
    try {
      await entering(held, (container) =>
        this.means.backend.grow(volume, sizeBytes, { container, target: lease.target }),
      );
    } catch (thrown) {
      throw thrown instanceof Hangs ? this.leaveHanging(lease, thrown) : thrown;
    }
  }

  private leaseOn(volume: string): LeaseRecord | undefined {
    return this.means.store.leases().find((lease) => lease.volume === volume);
  }

  /** What an existing lease means for a new request: the same again, in the way, or over. */
  private async sameLease(
    active: LeaseRecord,
    container: Container,
    target: string,
  ): Promise<LeaseRecord | undefined> {
    if (this.held.get(active.id)?.isAlive() !== true) {
      await this.end(active, 'its container has ended');
      return undefined;
    }
    if (!isSameContainer(active, container)) {
      if (await this.settleHostMount(active)) return undefined;
      throw refusals.inUse(active);
    }
    this.checkNothingHangs(active);
    const there = await this.whereaboutsOf(active);
    switch (there.kind) {
      case 'onTarget':
        if (active.target !== target) throw refusals.mountedOnOther(active.volume, active.target);
        return this.seen(active, there.mount.id);
      case 'elsewhere':
        throw refusals.hidden(active.volume, there.use.mount.point);
      case 'unknown':
        throw refusals.unreadableMounts(container.name);
      case 'gone':
        await this.end(active, 'its mount is gone');
        return undefined;
    }
  }

  private async grant(
    container: Container,
    peer: Peer,
    volume: string,
    target: string,
  ): Promise<LeaseRecord> {
    const { hold, backend } = this.means;
    const held = hold(container.first);
    if (held === undefined) throw refusals.containerEnded(container.name);
    let lease: LeaseRecord | undefined;
    let made: VolumeRecord | undefined;
    let mountId: number | undefined;
    try {
      if (container.engineMount === true) await this.checkIsThere(volume);
      else this.checkPlace(container, target);
      const { readonly, sizeBytes } = container;
      const { record, isNew } = await this.volumes.prepare(volume, {
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
        ...(container.engineMount === true ? { engine: justAsked() } : {}),
        state: 'mounting',
        mountId: 0,
        since: new Date().toISOString(),
      };
      await this.begin(lease, record);
      if (lease.engine !== undefined) this.means.hostMounts.makePoint(target);
      mountId =
        adopted ?? (await entering(held, (into) => backend.mount(into, record, target, { readonly })));
      // The container may have ended while we mounted: then the mount has gone with its namespace.
      if (!held.isAlive()) throw refusals.containerEnded(container.name);
      const mounted = await this.advance(lease, 'mounted', { mountId });
      this.watch(mounted, held);
      if (made !== undefined) this.volumes.tellOfNew(made, peer);
      this.say(mounted, 'lease.granted', `mounted on ${target}`);
      return mounted;
    } catch (thrown) {
      if (lease !== undefined && thrown instanceof Hangs) {
        this.watch(lease, held);
        throw this.leaveHanging(lease, thrown);
      }
      if (lease !== undefined) await this.undo(lease, mountId, held);
      if (made !== undefined && mountId === undefined) await this.volumes.discard(made);
      if (lease === undefined || this.held.get(lease.id) !== held) held.close();
      throw thrown;
    }
  }

  /**
   * What can't be recorded may not stay. If even that fails, the lease stays as it is in the store, and the next request
   * finds out what is true.
   */
  private async undo(lease: LeaseRecord, mountId: number | undefined, held: HeldProcess): Promise<void> {
    try {
      if (mountId !== undefined && held.isAlive()) {
        await entering(held, (from) => this.means.mounter.unmount(from, lease.target, mountId));
      }
      await this.advance(lease, 'mountFailed');
      if (lease.engine !== undefined) this.means.hostMounts.removePoint(lease.target);
    } catch (thrown) {
      this.say(lease, 'lease.unclear', `what was begun could not be undone: ${errorMessage(thrown)}`);
      if (this.means.store.lease(lease.id) !== undefined) this.watch(lease, held);
    }
  }

  /** A mount on the host never makes a volume: the engine has it made before, and a new one would hide a lost one. */
  private async checkIsThere(volume: string): Promise<void> {
    if (this.means.store.volume(volume) !== undefined) return;
    if ((await this.means.backend.find(volume)) === undefined) throw refusals.noSuchVolume(volume);
  }

  private async askedAgain(lease: LeaseRecord): Promise<LeaseRecord> {
    if (lease.engine === undefined) return lease;
    return this.putEngine(lease, justAsked());
  }

  private async sawInUse(lease: LeaseRecord): Promise<void> {
    if (lease.engine?.seen === false) await this.putEngine(lease, { ...lease.engine, seen: true });
  }

  private async putEngine(lease: LeaseRecord, engine: EngineMount): Promise<LeaseRecord> {
    const next = { ...lease, engine };
    await this.means.store.commit((changes) => changes.putLease(next));
    return next;
  }

  /** Where a volume is mounted besides on the host for the engine. */
  private async usesByContainers({ volume }: LeaseRecord): Promise<readonly Use[]> {
    return (await this.usesOf(volume)).filter((use) => !this.means.hostMounts.isPoint(use));
  }

  /**
   * Ends the lease of a mount on the host when no container has it any more: by what all mount namespaces and the engine
   * say. What can't be looked at, or taken away, stays.
   * @returns whether it is ended
   */
  private async settleHostMount(lease: LeaseRecord): Promise<boolean> {
    const { engine, volume, id } = lease;
    if (engine === undefined || this.hanging.has(id) || this.held.get(id)?.isAlive() !== true) return false;
    try {
      const uses = await this.usesByContainers(lease);
      if (uses.length > 0) await this.sawInUse(lease);
      if (uses.length > 0 || !isOver(engine, Date.now())) return false;
      if ((await this.means.hostMounts.usersOf(volume)).length > 0) return false;
      await this.endHostMount(lease, 'no container has it any more');
      this.unclear.delete(id);
      return true;
    } catch (thrown) {
      if (this.unclear.has(id)) return false;
      this.unclear.add(id);
      this.say(lease, 'lease.unclear', `it cannot be told whether it is over: ${errorMessage(thrown)}`);
      return false;
    }
  }

  private async endHostMount(lease: LeaseRecord, why: string): Promise<void> {
    await this.unmount(lease);
    this.means.hostMounts.removePoint(lease.target);
    this.say(lease, 'lease.released', why);
  }

  private checkNothingHangs({ id, volume, target }: LeaseRecord): void {
    if (this.hanging.has(id)) throw refusals.hangs(volume, target);
  }

  /** The lease stays as it is, and keeps the volume, until castle-mount has ended and what it did can be seen. */
  private leaveHanging(lease: LeaseRecord, { gone }: Hangs): Refused {
    this.hanging.add(lease.id);
    this.say(lease, 'lease.hangs', `castle-mount hangs on ${lease.target}`);
    void gone.then(() =>
      this.perVolume.run(lease.volume, async () => {
        this.hanging.delete(lease.id);
        const now = this.means.store.lease(lease.id);
        if (now !== undefined) await this.tryBringUpToDate(now);
      }),
    );
    return refusals.hangs(lease.volume, lease.target);
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
    const uses = await this.usesOf(volume);
    const mine = namespaceOf(first.pid, 'mnt');
    const other = uses.find(({ namespace }) => namespace !== mine);
    if (other !== undefined) {
      throw refusals.mountedElsewhere(volume, other, other.namespace === namespaceOf('self', 'mnt'));
    }
    const source = await this.volumes.source(volume);
    const there = await whereaboutsOf(first.pid, source, target, async () => uses);
    if (there.kind === 'unknown') throw refusals.unreadableMounts(name);
    if (there.kind === 'elsewhere') throw refusals.mountedOnOther(volume, there.use.mount.point);
    return there.kind === 'onTarget' ? there.mount.id : undefined;
  }

  /** The first entry of a lease; a volume that was just made becomes ready with it, in one commit. */
  private async begin(lease: LeaseRecord, volume: VolumeRecord): Promise<void> {
    await this.means.store.commit((changes) => {
      if (volume.state !== 'ready') changes.putVolume({ ...volume, state: 'ready' });
      changes.putLease(lease);
    });
  }

  private async unmount(lease: LeaseRecord): Promise<void> {
    const held = this.held.get(lease.id);
    const releasing = await this.advance(lease, 'release');
    try {
      if (held?.isAlive()) await this.takeAway(lease, held);
    } catch (thrown) {
      if (thrown instanceof Hangs) throw this.leaveHanging(releasing, thrown);
      await this.advance(releasing, 'releaseFailed');
      throw thrown;
    }
    this.letGo(lease.id);
    await this.advance(releasing, 'released');
  }

  /** Unmounts, and makes sure that the container has the volume nowhere any more. */
  private async takeAway(lease: LeaseRecord, held: HeldProcess): Promise<void> {
    try {
      await entering(held, (from) => this.means.mounter.unmount(from, lease.target, lease.mountId));
    } catch (thrown) {
      if (!(thrown instanceof Refused && thrown.code === 'not_found')) throw thrown;
    }
    const there = await this.whereaboutsOf(lease);
    if (!held.isAlive()) return;
    if (there.kind === 'unknown') throw refusals.unreadableMounts(lease.containerName);
    if (there.kind === 'onTarget') throw refusals.hidden(lease.volume, there.mount.point);
    if (there.kind === 'elsewhere') throw refusals.hidden(lease.volume, there.use.mount.point);
  }

  /** At start: a lease from the store is watched again, brought to what is true, or ended. */
  private async takeUp(known: LeaseRecord): Promise<void> {
    const lease = known.engine === undefined ? known : await this.takeOver(known);
    const held = this.means.hold(lease.first);
    if (held === undefined) {
      await this.end(lease, 'its container ended while the castle was away');
      return;
    }
    this.watch(lease, held);
    await this.tryBringUpToDate(lease);
  }

  /** A mount on the host outlives the castle that made it, but not the host: the next castle stands in for it. */
  private async takeOver(lease: LeaseRecord): Promise<LeaseRecord> {
    if (lease.first.bootId !== bootId()) return lease;
    const mine = { ...lease, first: identify(process.pid) };
    await this.means.store.commit((changes) => changes.putLease(mine));
    return mine;
  }

  private async tryBringUpToDate(lease: LeaseRecord): Promise<void> {
    try {
      await this.bringUpToDate(lease);
    } catch (thrown) {
      this.say(
        lease,
        'lease.unclear',
        `its mount cannot be looked at, the lease stays: ${errorMessage(thrown)}`,
      );
    }
  }

  private async bringUpToDate(lease: LeaseRecord): Promise<void> {
    const there = await this.whereaboutsOf(lease);
    switch (there.kind) {
      case 'onTarget':
        await this.seen(lease, there.mount.id);
        this.say(lease, 'lease.found', 'still mounted, watching its container again');
        return;
      case 'elsewhere':
        await this.seen(lease, there.use.mount.id);
        this.say(
          lease,
          'lease.found',
          `still mounted, but on ${there.use.mount.point} or hidden, watching its container again`,
        );
        return;
      case 'unknown':
        throw refusals.unreadableMounts(lease.containerName);
      case 'gone':
        await this.end(lease, 'its mount is not there');
    }
  }

  /** Records that a mount is there, whatever was known of it before. */
  private async seen(lease: LeaseRecord, mountId: number): Promise<LeaseRecord> {
    if (lease.state === 'mounted' && lease.mountId === mountId) return lease;
    return this.advance(lease, 'mounted', { mountId });
  }

  private async whereaboutsOf({ first, volume, target }: LeaseRecord): Promise<Whereabouts> {
    const source = await this.volumes.source(volume);
    return whereaboutsOf(first.pid, source, target, () => this.usesOf(volume));
  }

  private async usesOf(volume: string): Promise<readonly Use[]> {
    const source = await this.volumes.source(volume);
    if (source === undefined) return [];
    const uses = await this.census.usesOf(source, this.means.backend.place(volume));
    // Whoever makes a mount namespace gets a copy of the mounts for the engine: nobody means to use it.
    const own = namespaceOf('self', 'mnt');
    return uses.filter((use) => use.namespace === own || !this.means.hostMounts.isPoint(use));
  }

  private watch(lease: LeaseRecord, held: HeldProcess): void {
    this.held.set(lease.id, held);
    held.onEnd(() => {
      void this.perVolume.run(lease.volume, async () => {
        const now = this.means.store.lease(lease.id);
        if (now !== undefined) await this.end(now, 'its container has ended');
      });
    });
  }

  /** The container has ended, or what the lease stands for is gone. */
  private async end(lease: LeaseRecord, why: string): Promise<void> {
    this.letGo(lease.id);
    try {
      await this.advance(lease, 'containerEnded');
      if (lease.engine !== undefined) this.means.hostMounts.removePoint(lease.target);
      this.say(lease, 'lease.ended', `lease ended: ${why}`);
    } catch (thrown) {
      // The store is full or broken: the lease stays in it, and the next request or start ends it.
      this.say(lease, 'lease.unclear', `lease could not be ended in the store: ${errorMessage(thrown)}`);
    }
  }

  private letGo(id: string): void {
    this.held.get(id)?.close();
    this.held.delete(id);
  }

  /** Writes the state that follows from an event. */
  private async advance(
    lease: LeaseRecord,
    event: LeaseEvent,
    changed?: { readonly mountId: number },
  ): Promise<LeaseRecord> {
    const state = after(lease.state, event);
    if (state === 'ended') {
      await this.means.store.commit((changes) => changes.removeLease(lease.id));
      return lease;
    }
    const next = { ...lease, ...changed, state };
    await this.means.store.commit((changes) => changes.putLease(next));
    return next;
  }

  private say(lease: LeaseRecord, event: EventName, what: string): void {
    const { id, volume, container, containerName, target, mountId } = lease;
    this.means.say(`volume ${volume}, container ${containerName}: ${what}`, {
      event,
      volume,
      container,
      containerName,
      lease: id,
      target,
      mountId,
    });
  }
}

/** Does something in a container. */
async function entering<T>(held: HeldProcess, act: (entrance: Entrance) => Promise<T>): Promise<T> {
  const entrance = held.open();
  try {
    return await act(entrance);
  } finally {
    entrance.close();
  }
}

function toLease({ first: _, engine: _engine, ...lease }: LeaseRecord): Lease {
  return lease;
}

const justAsked = (): EngineMount => ({ asked: new Date().toISOString(), seen: false });

function isSameContainer(lease: LeaseRecord, container: Container): boolean {
  // A container that was started again has its id, but another first process and an empty mount namespace.
  return (
    lease.container === container.id &&
    lease.first.pid === container.first.pid &&
    lease.first.startTicks === container.first.startTicks
  );
}
