import { randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import type { Lease, LeaseRequest, Volume } from '../../contract.ts';
import { errorMessage } from '../../failure.ts';
import { volumeNameFault } from '../../volume-name.ts';
import type { Backend } from '../backends/backend.ts';
import type { Mounter } from '../mount.ts';
import { isSharedWithHost, mountOn, sourceFolder } from '../mountinfo.ts';
import { namespaceOf } from '../proc.ts';
import { badVolumeName, Refused } from '../refused.ts';
import type { Container, Peer } from '../runtime/runtime.ts';
import type { LeaseRecord, Store, VolumeRecord } from '../store.ts';
import { Census } from './census.ts';
import type { HeldProcess, Hold } from './containers.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { after, type LeaseEvent } from './states.ts';

/** What the ledger works with; each is real in the castle. */
export interface Means {
  readonly store: Store;
  readonly backend: Backend;
  readonly mounter: Mounter;
  readonly hold: Hold;
  /** Tells people what happened, in one line. */
  readonly say: (line: string) => void;
}

/**
 * Who has what. Every change is written to the store before it is made and after; one operation at a time per volume;
 * a lease lives as long as its container's first process.
 */
export class Ledger {
  private readonly held = new Map<string, HeldProcess>();
  private readonly volumes = new OneAtATime();

  private readonly census: Census;

  constructor(private readonly means: Means) {
    this.census = new Census(sourceFolder(means.backend.base));
  }

  /**
   * Grants a lease and mounts the volume. The same container asking again for the same gets the same lease.
   * @returns the lease, and whether it is a new one
   * @throws Refused bad_volume_name, bad_target, not_permitted, volume_in_use, backend_failed
   */
  async request(
    container: Container,
    peer: Peer,
    { volume, target }: LeaseRequest,
  ): Promise<{ readonly lease: Lease; readonly isNew: boolean }> {
    checkVolumeName(volume);
    checkTarget(target);
    checkPermission(container, volume);
    return this.volumes.run(volume, async () => {
      const active = this.leaseOn(volume);
      if (active !== undefined) {
        const same = await this.sameLease(active, container, target);
        if (same !== undefined) return { lease: toLease(same), isNew: false };
      }
      return { lease: toLease(await this.grant(container, peer, volume, target)), isNew: true };
    });
  }

  /**
   * Takes the mount away and ends the lease.
   * @throws Refused not_found, busy
   */
  async release(container: Container, id: string): Promise<void> {
    const known = this.means.store.lease(id);
    if (known === undefined || known.container !== container.id) throw noSuchLease(id);
    await this.volumes.run(known.volume, async () => {
      const lease = this.means.store.lease(id);
      if (lease === undefined) throw noSuchLease(id);
      await this.unmount(lease);
      this.say(lease, 'given back');
    });
  }

  /** Leases that are not ended; only those of one container when one is named. */
  leases(container?: Container): Lease[] {
    return this.means.store
      .leases()
      .filter((lease) => container === undefined || lease.container === container.id)
      .map(toLease);
  }

  list(): Volume[] {
    const holders = new Map(this.means.store.leases().map((lease) => [lease.volume, lease.id]));
    return this.means.store.volumes().map((volume) => {
      const lease = holders.get(volume.name);
      return { ...volume, ...(lease === undefined ? {} : { lease }) };
    });
  }

  /**
   * Finds out what is true after a start, and makes the store agree: which containers still run, which mounts are
   * really there, which volumes were being created. Never unmounts and never deletes a volume.
   */
  async reconcile(): Promise<void> {
    const { store, backend } = this.means;
    await backend.sweep();
    for (const volume of store.volumes()) {
      if (volume.state === 'ready') continue;
      const exists = await backend.exists(volume.name);
      await store.commit((changes) => {
        if (exists) changes.putVolume({ ...volume, state: 'ready' });
        else changes.removeVolume(volume.name);
      });
    }
    for (const lease of store.leases()) await this.takeUp(lease);
  }

  /** Waits for what is under way, then lets go of the containers; their mounts and leases stay. */
  async close(): Promise<void> {
    await this.volumes.idle();
    for (const held of this.held.values()) held.close();
    this.held.clear();
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
    if (!isSameContainer(active, container)) throw inUse(active.volume, active.containerName, active.since);
    if (this.isMounted(active)) {
      if (active.target === target) return active;
      throw new Refused(
        'bad_target',
        `volume ${active.volume} is mounted on ${active.target} in this container already`,
        'ask for that mount point, or give the volume back first',
      );
    }
    await this.end(active, 'its mount is gone');
    return undefined;
  }

  private async grant(
    container: Container,
    peer: Peer,
    volume: string,
    target: string,
  ): Promise<LeaseRecord> {
    const { mounter, hold, backend } = this.means;
    const held = hold(container.first);
    if (held === undefined) throw containerEnded(container);
    let lease: LeaseRecord | undefined;
    let made: VolumeRecord | undefined;
    let mountId: number | undefined;
    try {
      if (isSharedWithHost(container.first.pid, target)) throw sharedTarget(target);
      const { record, isNew } = await this.prepareVolume(volume, container, peer);
      if (isNew) made = record;
      const source = backend.source(volume);
      lease = {
        id: randomUUID(),
        volume,
        container: container.id,
        containerName: container.name,
        first: container.first,
        target,
        state: 'mounting',
        mountId: 0,
        since: new Date().toISOString(),
      };
      await this.begin(lease, record);
      const adopted = mountOn(container.first.pid, sourceFolder(source), target);
      mountId = adopted?.id ?? (await mounter.mount(held.pidfd, source, target));
      // The container may have ended while we mounted: then the mount has gone with its namespace.
      if (!held.isAlive()) throw containerEnded(container);
      const mounted = await this.advance(lease, 'mounted', { mountId });
      this.watch(mounted, held);
      this.say(mounted, `mounted on ${target}`);
      return mounted;
    } catch (thrown) {
      if (lease !== undefined) await this.undo(lease, mountId, held);
      if (made !== undefined && mountId === undefined) await this.discard(made);
      held.close();
      throw thrown;
    }
  }

  /** What can't be recorded may not stay. If even that fails, the next request finds the mount and takes it up. */
  private async undo(lease: LeaseRecord, mountId: number | undefined, held: HeldProcess): Promise<void> {
    try {
      if (mountId !== undefined && held.isAlive()) {
        await this.means.mounter.unmount(held.pidfd, lease.target, mountId);
      }
      await this.advance(lease, 'mountFailed');
    } catch (thrown) {
      this.say(lease, `what was begun could not be undone: ${errorMessage(thrown)}`);
    }
  }

  /** A volume that was made for a mount that cannot be made is not kept: its name may have been a slip. */
  private async discard(volume: VolumeRecord): Promise<void> {
    const { store, backend, say } = this.means;
    try {
      // Back to "may be there or not" first: a castle that is killed in between finds out which.
      await store.commit((changes) => changes.putVolume({ ...volume, state: 'creating' }));
      const gone = await backend.discardEmpty(volume.name);
      await store.commit((changes) => {
        if (gone) changes.removeVolume(volume.name);
        else changes.putVolume({ ...volume, state: 'ready' });
      });
    } catch (thrown) {
      say(`volume ${volume.name} is left, empty: ${errorMessage(thrown)}`);
    }
  }

  /**
   * Sees to it that the volume is there and mounted nowhere else: the last look before a mount, at the kernel's own
   * word, because the store may be lost and a namespace may have been left over.
   */
  private async prepareVolume(
    name: string,
    container: Container,
    peer: Peer,
  ): Promise<{ readonly record: VolumeRecord; readonly isNew: boolean }> {
    const { store, backend, say } = this.means;
    const known = store.volume(name);
    const record: VolumeRecord = known ?? {
      name,
      backend: backend.name,
      state: 'creating',
      created: new Date().toISOString(),
    };
    if (await backend.exists(name)) {
      await this.refuseIfMountedElsewhere(name, backend.source(name), container);
      return { record, isNew: false };
    }
    if (known?.state === 'ready') throw lostVolume(name, backend.description);
    await store.commit((changes) => changes.putVolume(record));
    try {
      await backend.create(name, { uid: peer.uid, gid: peer.gid });
    } catch (thrown) {
      await store.commit((changes) => changes.removeVolume(name));
      throw thrown;
    }
    say(`volume ${name} created in the ${backend.description}, owner ${peer.uid}:${peer.gid}`);
    return { record, isNew: true };
  }

  private async refuseIfMountedElsewhere(
    volume: string,
    source: string,
    container: Container,
  ): Promise<void> {
    const mine = namespaceOf(container.first.pid, 'mnt');
    const other = (await this.census.of(sourceFolder(source))).find(({ namespace }) => namespace !== mine);
    if (other !== undefined) throw inUse(volume, `of process ${other.pid}`);
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
      if (held?.isAlive()) {
        await this.means.mounter.unmount(held.pidfd, lease.target, lease.mountId);
      }
    } catch (thrown) {
      if (!(thrown instanceof Refused && thrown.code === 'not_found')) {
        await this.advance(releasing, 'releaseFailed');
        throw thrown;
      }
    }
    this.letGo(lease.id);
    await this.advance(releasing, 'released');
  }

  /** At start: a lease from the store is watched again, brought to what is true, or ended. */
  private async takeUp(lease: LeaseRecord): Promise<void> {
    const held = this.means.hold(lease.first);
    if (held === undefined) {
      await this.end(lease, 'its container ended while the castle was away');
      return;
    }
    this.watch(lease, held);
    const there = this.isMounted(lease);
    if (!there) {
      await this.end(lease, 'its mount is not there');
      return;
    }
    if (lease.state === 'mounting') await this.advance(lease, 'mounted', { mountId: there.id });
    if (lease.state === 'releasing') await this.advance(lease, 'releaseFailed');
    this.say(lease, 'still mounted, watching its container again');
  }

  private isMounted(lease: LeaseRecord) {
    return mountOn(lease.first.pid, sourceFolder(this.means.backend.source(lease.volume)), lease.target);
  }

  private watch(lease: LeaseRecord, held: HeldProcess): void {
    this.held.set(lease.id, held);
    held.onEnd(() => {
      void this.volumes.run(lease.volume, async () => {
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
      this.say(lease, `lease ended: ${why}`);
    } catch (thrown) {
      // The store is full or broken: the lease stays in it, and the next request or start ends it.
      this.say(lease, `lease could not be ended in the store: ${errorMessage(thrown)}`);
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

  private say(lease: LeaseRecord, what: string): void {
    this.means.say(`volume ${lease.volume}, container ${lease.containerName}: ${what}`);
  }
}

function toLease({ first: _, ...lease }: LeaseRecord): Lease {
  return lease;
}

function isSameContainer(lease: LeaseRecord, container: Container): boolean {
  // A container that was started again has its id, but another first process and an empty mount namespace.
  return (
    lease.container === container.id &&
    lease.first.pid === container.first.pid &&
    lease.first.startTicks === container.first.startTicks
  );
}

function checkVolumeName(volume: string): void {
  const fault = volumeNameFault(volume);
  if (fault !== undefined) throw badVolumeName(volume, fault);
}

function checkTarget(target: string): void {
  const acceptable =
    posix.isAbsolute(target) && target !== '/' && posix.normalize(target) === target && !target.endsWith('/');
  // biome-ignore format: one condition a line reads better
  if (acceptable && !/[\x00-\x1f\x7f]/.test(target)) return;
  throw new Refused(
    'bad_target',
    `mount point ${JSON.stringify(target)} is not an absolute path in its shortest form`,
    'give an existing folder such as /var/jenkins_home',
  );
}

function checkPermission(container: Container, volume: string): void {
  if (container.volumes === 'any' || container.volumes.includes(volume)) return;
  const has =
    container.volumes.length === 0
      ? 'has no label castle.volume'
      : `may have only ${container.volumes.join(', ')}`;
  throw new Refused(
    'not_permitted',
    `container ${container.name} may not have volume ${volume}: it ${has}`,
    `start it with --label castle.volume=${volume}`,
  );
}

function inUse(volume: string, container: string, since?: string): Refused {
  return new Refused(
    'volume_in_use',
    `volume ${volume} is in use by container ${container}${since === undefined ? '' : ` since ${since}`}`,
    'stop that container first',
    container,
  );
}

function sharedTarget(target: string): Refused {
  return new Refused(
    'bad_target',
    `mount point ${target} lies on a mount that the container shares with the host: the volume would appear there too`,
    'start the container without shared propagation (rshared, Bidirectional) for that folder',
  );
}

function lostVolume(volume: string, backend: string): Refused {
  return new Refused(
    'backend_failed',
    `volume ${volume} is known, but not in the ${backend}`,
    'bring it back from a backup; the castle does not make an empty one in its place',
  );
}

function containerEnded(container: Container): Refused {
  return new Refused('not_permitted', `container ${container.name} has ended`, 'start it again');
}

function noSuchLease(id: string): Refused {
  return new Refused('not_found', `this container has no lease ${id}`, 'ask for one with POST /v1/leases');
}
