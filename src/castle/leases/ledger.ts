import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, LeaseRequest, Volume } from '../../contract.ts';
import type { Backend } from '../backends/backend.ts';
import type { Say } from '../chronicle/happening.ts';
import { Hangs, type Mounter } from '../mount.ts';
import type { Container, Peer } from '../runtime/runtime.ts';
import { formatSize } from '../size.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store.ts';
import { Administration } from './administration.ts';
import { checkPermission, checkTarget, checkVolumeName, isSameContainer } from './checks.ts';
import { entering, type HeldProcess, type Hold } from './containers.ts';
import { Granting } from './granting.ts';
import { Journal, toLease } from './journal.ts';
import { OneAtATime } from './one-at-a-time.ts';
import * as refusals from './refusals.ts';
import { Sight } from './sight.ts';
import { TakingAway } from './taking-away.ts';
import { Truth } from './truth.ts';
import { Volumes } from './volumes.ts';
import { Watched } from './watched.ts';

/** How long what is under way may take when the castle is to stop, in milliseconds: longer than a mount. */
const lastWorkMs = 15_000;

/** What the ledger works with; each is real in the castle. */
export interface Means {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly hold: Hold;
  /** Tells people what happened, in one line. */
  readonly say: Say;
}

/**
 * Who has what. Every change is written to the store before it is made and after; one operation at a time per volume;
 * a lease lives as long as its container's first process, and never ends because something could not be looked at.
 */
export class Ledger {
  private readonly perVolume = new OneAtATime();
  /** Taken while a volume is, never the other way round: so nobody waits in a circle. */
  private readonly perTarget = new OneAtATime();
  private readonly journal: Journal;
  private readonly volumes: Volumes;
  private readonly watched: Watched;
  private readonly sight: Sight;
  private readonly truth: Truth;
  private readonly granting: Granting;
  private readonly takingAway: TakingAway;
  /** What the host's root orders. */
  readonly administration: Administration;

  constructor(private readonly means: Means) {
    const { store, backend, say } = means;
    const { perVolume } = this;
    const journal = new Journal(store, say);
    const volumes = new Volumes(store, backend, say);
    const watched = new Watched(store, journal, perVolume);
    const sight = new Sight(volumes, backend);
    const truth = new Truth({ ...means, journal, watched, sight, perVolume });
    const all = { ...means, journal, volumes, watched, sight, truth };
    this.journal = journal;
    this.volumes = volumes;
    this.watched = watched;
    this.sight = sight;
    this.truth = truth;
    this.granting = new Granting(all);
    this.takingAway = new TakingAway(all);
    const usesOf = (volume: string) => sight.usesOf(volume);
    this.administration = new Administration({ ...means, volumes, perVolume, usesOf });
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
        if (same !== undefined) return { lease: toLease(same), isNew: false };
      }
      const granted = await this.perTarget.run(`${container.id} ${target}`, () =>
        this.granting.grant(container, peer, volume, target),
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
      this.truth.checkNothingHangs(lease);
      await this.takingAway.unmount(lease);
      this.journal.say(lease, 'lease.released', 'given back');
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
      const held = lease === undefined ? undefined : this.watched.living(lease.id);
      if (lease === undefined || held === undefined) {
        await this.means.backend.grow(volume, sizeBytes);
      } else {
        this.truth.checkNothingHangs(lease);
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
    for (const lease of this.means.store.leases()) await this.truth.takeUp(lease);
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
    await Promise.race([this.perVolume.idle(), sleep(lastWorkMs, undefined, { ref: false })]);
    this.watched.close();
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
      throw thrown instanceof Hangs ? this.truth.leaveHanging(lease, thrown) : thrown;
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
    if (this.watched.living(active.id) === undefined) {
      await this.watched.end(active, 'its container has ended');
      return undefined;
    }
    if (!isSameContainer(active, container)) throw refusals.inUse(active);
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
