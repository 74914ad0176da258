import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '../../linux/proc.ts';
import type { Lease, LeaseRequest, Volume } from '../../protocol/contract.ts';
import { formatSize } from '../../terminal/size.ts';
import type { Backend, Growth } from '../backends/backend.ts';
import { noSizeOfItsOwn } from '../backends/refusals.ts';
import type { EmitEvent } from '../events/event.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import { MountInspector } from '../mounting/mount-inspector.ts';
import { type Mounter, MountHungError } from '../mounting/mounter.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container, Peer } from '../runtimes/runtime.ts';
import { OneAtATime } from '../store/keyed-mutex.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store/store.ts';
import { UnusedVolumeRelease } from '../volumes/release-when-unused.ts';
import { VolumeAdministration } from '../volumes/volume-administration.ts';
import { type CreateFromSnapshot, VolumeCatalog } from '../volumes/volume-catalog.ts';
import { conflicts } from './access-mode.ts';
import { checkPermission, checkTarget, checkVolumeName, isSameContainer } from './checks.ts';
import { ContainerWatch } from './container-watch.ts';
import { EngineMountLeases } from './engine-mount-leases.ts';
import { accessModeOf, LeaseGranter } from './grant-lease.ts';
import { type HeldProcess, type HoldProcess, withMountNamespace } from './held-process.ts';
import { LeaseRecorder, toLease } from './lease-recorder.ts';
import { LeaseReconciler } from './reconcile-leases.ts';
import * as refusals from './refusals.ts';
import { LeaseReleaser } from './release-lease.ts';
import type { Requester } from './requester.ts';
import { LeaseResolver } from './resolve-lease.ts';
import { nobodyAsks, type QueuedRequest, stopping, WaitQueue, waitedFor } from './wait-queue.ts';

/** How long what is under way may take when the castle is to stop, in milliseconds: longer than a mount. */
const lastWorkMs = 15_000;
/**
 * How often who waits first looks by itself, in milliseconds: nobody tells the castle when a mount goes that is no
 * lease's.
 */
const lookAgainMs = 2_000;

/** What a request came to. */
export interface LeaseAnswer {
  readonly lease: Lease;
  readonly isNew: boolean;
  /** Whether it had to wait. */
  readonly waited: boolean;
}

/** What the ledger works with; each is real in the castle. */
export interface Means {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly hold: HoldProcess;
  readonly fromSnapshot: CreateFromSnapshot;
  /** Where volumes are mounted on the host for an engine. */
  readonly hostMounts: HostMounts;
  /** Tells people what happened, in one line. */
  readonly emit: EmitEvent;
}

/**
 * Who has what. Every change is written to the store before it is made and after; one operation at a time per volume;
 * a lease lives as long as its container's first process, and never ends because something could not be looked at.
 */
export class LeaseService {
  private readonly perVolume = new OneAtATime();
  /** Taken while a volume is, never the other way round: so nobody waits in a circle. */
  private readonly perTarget = new OneAtATime();
  private readonly waiting = new WaitQueue();
  private readonly afterUse: UnusedVolumeRelease;
  private readonly journal: LeaseRecorder;
  private readonly volumes: VolumeCatalog;
  private readonly watched: ContainerWatch;
  private readonly sight: MountInspector;
  private readonly truth: LeaseResolver;
  private readonly granting: LeaseGranter;
  private readonly takingAway: LeaseReleaser;
  private readonly lookingAgain: LeaseReconciler;
  /** The leases of mounts on the host for an engine. */
  readonly forEngine: EngineMountLeases;
  /** What the host's root orders. */
  readonly administration: VolumeAdministration;

  constructor(private readonly means: Means) {
    const { store, backend, emit } = means;
    const { perVolume } = this;
    const journal = new LeaseRecorder(store, emit, (volume) => {
      this.waiting.call(volume);
      this.afterUse.ended(volume);
    });
    const volumes = new VolumeCatalog(store, backend, emit, means.fromSnapshot);
    const watched = new ContainerWatch(store, journal, perVolume, means.hostMounts);
    const sight = new MountInspector(store, volumes, backend, means.hostMounts);
    const truth = new LeaseResolver({ ...means, journal, watched, sight, perVolume });
    const all = { ...means, journal, volumes, watched, sight, truth };
    this.journal = journal;
    this.volumes = volumes;
    this.watched = watched;
    this.sight = sight;
    this.truth = truth;
    this.takingAway = new LeaseReleaser(all);
    this.forEngine = new EngineMountLeases({ ...all, perVolume, takingAway: this.takingAway });
    this.granting = new LeaseGranter({ ...all, forEngine: this.forEngine });
    const usesOf = (volume: string) => sight.usesOf(volume);
    this.afterUse = new UnusedVolumeRelease({
      backend,
      perVolume,
      usesOf,
      isLeased: (volume) => store.leases().some((lease) => lease.volume === volume),
      known: (volume) => store.volume(volume) ?? { name: volume },
      emit,
    });
    const settle = async (volume: string) => {
      for (const lease of this.leasesOn(volume)) await this.forEngine.settle(lease);
    };
    this.administration = new VolumeAdministration({ ...means, volumes, perVolume, usesOf, settle });
    this.lookingAgain = new LeaseReconciler({ ...all, perVolume, administration: this.administration });
  }

  /**
   * Grants a lease and mounts the volume. The same container asking again for the same gets the same lease. With
   * waitSeconds it waits for a volume that others have, behind those that wait already.
   * @param asking who is to get the answer; when that is nobody any more, the waiting ends, and there is no lease
   * @throws RefusalError bad_volume_name, bad_target, not_permitted, volume_in_use, busy, backend_failed
   */
  async request(
    container: Container,
    peer: Peer,
    { volume, target, waitSeconds = 0 }: LeaseRequest,
    asking: Requester,
  ): Promise<LeaseAnswer> {
    checkVolumeName(volume);
    checkTarget(target);
    checkPermission(container, volume);
    const ask = (waiter?: QueuedRequest) =>
      this.perVolume.run(volume, () => {
        if (waiter !== undefined && isNobody(asking)) throw nobodyAsks(volume, container.name);
        return this.answer(container, peer, volume, target, waiter);
      });
    try {
      return { ...(await ask()), waited: false };
    } catch (thrown) {
      if (waitSeconds === 0 || !isInUse(thrown)) throw thrown;
      return { ...(await this.wait(container, volume, waitSeconds * 1000, asking, ask)), waited: true };
    }
  }

  /** Asks again whenever it may be its turn. */
  private async wait(
    container: Container,
    volume: string,
    withinMs: number,
    asking: Requester,
    ask: (waiter: QueuedRequest) => Promise<Given>,
  ): Promise<Given> {
    const endsAt = performance.now() + withinMs;
    const waiter = this.waiting.enter(volume, container);
    this.means.emit(`container ${container.name} waits for volume ${volume}`, {
      event: 'lease.waiting',
      volume,
      container: container.id,
      containerName: container.name,
    });
    try {
      for (;;) {
        let refused: unknown;
        try {
          return await ask(waiter);
        } catch (thrown) {
          // A child of who asked may still have the connection open.
          if (!isInUse(thrown) || isNobody(asking)) throw thrown;
          refused = thrown;
        }
        const leftMs = endsAt - performance.now();
        if (leftMs <= 0) throw refused;
        const isFirst = this.waiting.first(volume) === waiter;
        const called = await waiter.turn(isFirst ? Math.min(leftMs, lookAgainMs) : leftMs, asking.gone);
        if (called === 'gone') throw nobodyAsks(volume, container.name);
        if (this.waiting.isClosed) throw stopping(volume);
      }
    } finally {
      this.waiting.leave(waiter);
    }
  }

  /** How many requests wait for a volume. */
  get waits(): number {
    return this.waiting.size;
  }

  /** The castle is to stop: whoever waits is told to ask again. */
  stopWaiting(): void {
    this.waiting.close();
  }

  private async answer(
    container: Container,
    peer: Peer,
    volume: string,
    target: string,
    waiter: QueuedRequest | undefined,
  ): Promise<Given> {
    const leases = await this.livingOn(volume);
    const mine = leases.find((lease) => isSameContainer(lease, container));
    const same = mine === undefined ? undefined : await this.sameLease(mine, container, target);
    if (same !== undefined) return { lease: toLease(await this.forEngine.askedAgain(same)), isNew: false };
    const manner = accessModeOf(container, this.means.store.volume(volume));
    const others: LeaseRecord[] = [];
    for (const lease of leases) {
      if (lease === mine) continue;
      if (!conflicts(lease, manner)) others.push(lease);
      else if (!(await this.forEngine.settle(lease))) throw refusals.inUse(lease);
    }
    const first = this.waiting.first(volume);
    if (first !== undefined && first !== waiter && manner.readonly !== true) {
      throw waitedFor(volume, first.container.name);
    }
    const granted = await this.perTarget.run(`${container.id} ${target}`, () =>
      this.granting.grant(container, peer, volume, target, others),
    );
    return { lease: toLease(granted), isNew: true };
  }

  /**
   * Takes the mount away and ends the lease.
   * @throws RefusalError not_found, busy, backend_failed
   */
  async release(container: Container, id: string): Promise<void> {
    const known = this.means.store.lease(id);
    if (known === undefined || known.container !== container.id) throw refusals.noSuchLease(id);
    await this.perVolume.run(known.volume, async () => {
      const lease = this.means.store.lease(id);
      if (lease === undefined) throw refusals.noSuchLease(id);
      this.truth.checkNothingHangs(lease);
      await this.takingAway.unmount(lease);
      this.journal.emit(lease, 'lease.released', 'given back');
    });
  }

  /**
   * Makes a volume larger, under the containers that have it if there are any.
   * @throws RefusalError bad_volume_name, not_found, bad_request, busy, backend_failed
   */
  async grow(name: string, sizeBytes: number): Promise<Volume> {
    checkVolumeName(name);
    return this.perVolume.run(name, async () => {
      const volume = this.volumes.known(name);
      const living = this.leasesOn(name).filter(({ id }) => this.watched.living(id) !== undefined);
      for (const lease of living) this.truth.checkNothingHangs(lease);
      const writer = living.find(({ readonly }) => readonly !== true);
      const held = writer === undefined ? undefined : this.watched.living(writer.id);
      if (writer !== undefined && held !== undefined) await this.growMounted(writer, held, volume, sizeBytes);
      else if (living[0] !== undefined) throw refusals.readonlyCannotGrow(living[0]);
      else await this.growth(volume.name).grow(volume, sizeBytes);
      this.means.emit(`volume ${name} has grown to ${formatSize(sizeBytes)}`, {
        event: 'volume.grown',
        volume: name,
      });
      return this.withLeases(volume);
    });
  }

  /** Runs something while nothing else is done to a volume. */
  exclusively<T>(volume: string, act: () => Promise<T>): Promise<T> {
    return this.perVolume.run(volume, act);
  }

  /** Finds out what became of a volume whose creation did not come to its end; exclusively. */
  async settleHalfMade(name: string): Promise<void> {
    await this.volumes.settle(name);
  }

  /**
   * Takes a mount of the castle's own mount namespace away; exclusively.
   * @throws RefusalError busy, not_found, backend_failed; MountHungError
   */
  async unmountOnHost(target: string, mountId: number): Promise<void> {
    const host = this.means.hold(identify(process.pid));
    if (host === undefined) throw new Error('the castle has no process');
    try {
      await withMountNamespace(host, (from) => this.means.mounter.unmount(from, target, mountId));
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
    const holders = new Map<string, string[]>();
    for (const { id, volume } of this.means.store.leases()) {
      holders.set(volume, [...(holders.get(volume) ?? []), id]);
    }
    return this.means.store
      .volumes()
      .map((volume) => ({ ...volume, leases: holders.get(volume.name) ?? [] }));
  }

  /**
   * Finds out after a start what became of volumes that were being created, deleted or restored. Never deletes one; what
   * cannot be looked at stays as it is. May be called again, while requests are served, when it has failed.
   * @throws RefusalError backend_failed when the backend cannot be reached now
   */
  async reconcileVolumes(): Promise<void> {
    await this.means.backend.removeUnfinished();
    await this.administration.reconcile();
    await this.volumes.reconcile((volume, look) => this.perVolume.run(volume, look));
  }

  /**
   * Finds out after a start which containers still run and which mounts are really there, and makes the store agree. Never
   * unmounts; what cannot be looked at stays as it is and stops nothing else.
   */
  async reconcileLeases(): Promise<void> {
    const { store, backend, emit } = this.means;
    for (const lease of store.leases()) await this.truth.takeUp(await this.forEngine.takeOver(lease));
    const [leases, volumes] = [store.leases().length, store.volumes()];
    emit(`looked at everything; volumes: ${volumes.length}, leases: ${leases}`, { event: 'reconcile.done' });
    for (const { name, backend: its } of volumes) if (its === backend.name) this.afterUse.unused(name);
  }

  /**
   * Compares once more what the store says with what is true, while others are served.
   * @returns how many entries were put right; each is told of
   */
  lookAgain(stop: AbortSignal): Promise<number> {
    return this.lookingAgain.lookAtAll(stop);
  }

  /**
   * Somebody says that containers have ended. Their leases end when their first processes have, too: the engine's word
   * is a second witness, never the only one.
   * @param isSaid picks the leases
   * @returns those whose containers live all the same
   */
  async checkEnded(isSaid: (lease: Lease) => boolean): Promise<readonly Lease[]> {
    const alive: Lease[] = [];
    for (const { volume, id } of this.leases().filter(isSaid)) {
      await this.perVolume.run(volume, async () => {
        const now = this.means.store.lease(id);
        if (now === undefined) return;
        if (this.watched.living(id) !== undefined) alive.push(toLease(now));
        else await this.watched.end(now, 'its container has ended');
      });
    }
    return alive;
  }

  /** Waits for what is under way, within a bound, then lets go of the containers; their mounts and leases stay. */
  async close(): Promise<void> {
    this.afterUse.close();
    await Promise.race([this.perVolume.idle(), sleep(lastWorkMs, undefined, { ref: false })]);
    this.watched.close();
  }

  private growth(volume: string): Growth {
    const { growth, description } = this.means.backend;
    if (growth === null) throw noSizeOfItsOwn(volume, description);
    return growth;
  }

  private async growMounted(
    lease: LeaseRecord,
    held: HeldProcess,
    volume: VolumeRecord,
    sizeBytes: number,
  ): Promise<void> {
    try {
      await withMountNamespace(held, (container) =>
        this.growth(volume.name).grow(volume, sizeBytes, { container, target: lease.target }),
      );
    } catch (thrown) {
      throw thrown instanceof MountHungError ? this.truth.leaveHanging(lease, thrown) : thrown;
    }
  }

  private withLeases(volume: VolumeRecord): Volume {
    return { ...volume, leases: this.leasesOn(volume.name).map(({ id }) => id) };
  }

  private leasesOn(volume: string): readonly LeaseRecord[] {
    return this.means.store.leases().filter((lease) => lease.volume === volume);
  }

  /** The leases of a volume whose containers live; those of others are ended. */
  private async livingOn(volume: string): Promise<readonly LeaseRecord[]> {
    const living: LeaseRecord[] = [];
    for (const lease of this.leasesOn(volume)) {
      if (this.watched.living(lease.id) !== undefined) living.push(lease);
      else await this.watched.end(lease, 'its container has ended');
    }
    return living;
  }

  /** What a container's own lease means for a new request: the same again, or over. */
  private async sameLease(
    active: LeaseRecord,
    container: Container,
    target: string,
  ): Promise<LeaseRecord | undefined> {
    this.truth.checkNothingHangs(active);
    const there = await this.sight.whereaboutsOf(active);
    switch (there.kind) {
      case 'onTarget':
        if (active.target !== target) throw refusals.mountedOnOther(active.volume, active.target);
        return this.journal.seen(active, there.mount.id);
      case 'elsewhere':
        throw refusals.hidden(active.volume, there.use.mount.point);
      case 'unknown':
        throw refusals.unreadableMounts(container.name);
      case 'gone':
        await this.watched.end(active, 'its mount is gone');
        return undefined;
    }
  }
}

/** What a request comes to when it need not wait, or has waited. */
type Given = Omit<LeaseAnswer, 'waited'>;

/** Whether an answer would reach nobody. */
const isNobody = ({ gone, isAlive }: Requester): boolean => gone.aborted || !isAlive();

const isInUse = (thrown: unknown): boolean =>
  thrown instanceof RefusalError && thrown.code === 'volume_in_use';
