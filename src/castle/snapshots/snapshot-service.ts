import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OffHostCopy, SnapshotOrigin } from '../../protocol/contract.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend } from '../backends/backend.ts';
import type { BegunSnapshot, KnownSnapshot, Snapshots, WrittenSnapshot } from '../backends/snapshots.ts';
import type { KnownVolume, NewVolume } from '../backends/volume.ts';
import type { EmitEvent } from '../events/event.ts';
import { lostVolume } from '../leases/refusals.ts';
import type { DeviceFileSystem, Freezer, FrozenFileSystem } from '../mounting/freeze-file-system.ts';
import { KeyedMutex } from '../store/keyed-mutex.ts';
import type { SnapshotRecord, Store, VolumeRecord } from '../store/store.ts';
import * as refusals from './refusals.ts';
import { meant } from './snapshot-reference.ts';
import { after, type SnapshotEvent } from './snapshot-states.ts';

/** How long what is under way may hold up the stop, in milliseconds. */
const lastWorkMs = 5_000;

/** What it works with; each is real in the castle. */
export interface SnapshotDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly freezer: Freezer;
  /** How long a volume may stand still for a snapshot, in milliseconds. */
  readonly freezeLimitMs: number;
  /** One operation at a time per volume; shared with the leases. */
  readonly volumeLock: KeyedMutex;
  /** Tells people what happened, in one line. */
  readonly emit: EmitEvent;
}

/** Who wants a snapshot, and what for. */
export interface Wanted {
  readonly origin: SnapshotOrigin;
  readonly note?: string;
}

/**
 * Snapshots: what a volume had at one moment. Each step is in the store before it is made and after, a standstill above
 * all: a castle that finds one ends it before it does anything else.
 */
export class SnapshotService {
  /** Taken alone or while a volume is, never the other way round: so nobody waits in a circle. */
  private readonly perSnapshot = new KeyedMutex();
  /** When this castle began: what it takes itself is not to be found out. */
  private readonly begun = new Date().toISOString();
  private isReconciled = false;
  /** Snapshots that are begun and become whole. */
  private readonly becoming = new Map<string, Promise<void>>();
  /** Snapshots that this castle brings back: begun long ago, and for all that not by an earlier castle. */
  private readonly comingBack = new Set<string>();

  constructor(private readonly deps: SnapshotDeps) {}

  /**
   * Takes a snapshot of a volume, in use or not. It may not be whole yet when this returns; nothing that is written from
   * then on is in it.
   * @throws RefusalError not_found, bad_request when the backend has none, busy, backend_failed
   */
  take(volume: string, wanted: Wanted): Promise<SnapshotRecord> {
    const snapshots = this.snapshots();
    return this.deps.volumeLock.run(volume, async () => {
      try {
        return await this.takeAlone(snapshots, volume, wanted);
      } catch (thrown) {
        const message = `no snapshot of volume ${volume}: ${errorMessage(thrown)}`;
        this.deps.emit(message, { event: 'snapshot.failed', volume });
        throw thrown;
      }
    });
  }

  /** Waits until a snapshot is whole or has failed, at most so long. @returns its record now; undefined: it has failed */
  async settled(id: string, withinMs: number): Promise<SnapshotRecord | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.becoming.get(id), late]);
    clearTimeout(timer);
    return this.deps.store.snapshot(id);
  }

  /**
   * Removes a snapshot for good.
   * @throws RefusalError not_found, busy while it is taken, backend_failed
   */
  remove(id: string): Promise<void> {
    return this.perSnapshot.run(id, async () => {
      const record = this.deps.store.snapshot(id);
      if (record === undefined) throw refusals.noSuchSnapshot(id);
      if (record.backend !== this.deps.backend.name)
        throw refusals.ofOtherBackend(`snapshot ${id}`, record.backend);
      if (record.state !== 'ready' && record.state !== 'deleting') throw refusals.notYetWhole(record);
      await this.removeForGood(await this.advance(record, 'remove'));
      this.tell(
        record,
        'snapshot.removed',
        `snapshot of volume ${record.volume}, taken ${record.taken}, is removed`,
      );
    });
  }

  /**
   * Makes a volume that is not there yet from a snapshot.
   * @param reference an id, or `latest:VOLUME`
   * @throws RefusalError not_found, busy, bad_request, backend_failed; nothing is left of the volume then
   */
  async createVolume(reference: string, volume: NewVolume): Promise<void> {
    await this.reading(reference, async (record) => {
      await this.snapshots().createVolume(record, volume);
      this.tell(
        record,
        'snapshot.restored',
        `volume ${volume.name} is made from the snapshot of ${record.taken} of volume ${record.volume}`,
      );
    });
  }

  /**
   * Does something with a whole snapshot, which stays as long as that lasts.
   * @param reference an id, or `latest:VOLUME`
   * @throws RefusalError not_found, busy, backend_failed
   */
  reading<T>(reference: string, act: (record: SnapshotRecord) => Promise<T>): Promise<T> {
    const { store, backend } = this.deps;
    const { id } = meant(store, backend.name, reference);
    return this.perSnapshot.run(id, () => act(meant(store, backend.name, id)));
  }

  /** Does something about a snapshot, which need not be here, while nothing else is done with it. */
  alone<T>(id: string, act: () => Promise<T>): Promise<T> {
    return this.perSnapshot.run(id, act);
  }

  /**
   * Writes down whether there is a copy of a snapshot off this host, while nothing else is done with it: what is read
   * here must not be out of date when it is written.
   */
  async setOffHostCopy(id: string, offHostCopy: OffHostCopy): Promise<void> {
    const record = this.deps.store.snapshot(id);
    if (record === undefined) return;
    await this.deps.store.commit((changes) => changes.putSnapshot({ ...record, offHostCopy }));
  }

  /**
   * Brings a snapshot back that is not here.
   * @param write has the backend write it
   * @throws RefusalError busy when it is here, backend_failed; nothing is left of it then
   */
  bringBack(snapshot: KnownSnapshot, write: () => Promise<WrittenSnapshot>): Promise<SnapshotRecord> {
    const { store, backend } = this.deps;
    const { id, volume, taken } = snapshot;
    return this.perSnapshot.run(id, async () => {
      if (store.snapshot(id) !== undefined) throw refusals.isHere(id);
      const record: SnapshotRecord = {
        id,
        volume,
        backend: backend.name,
        state: 'taking',
        taken,
        origin: 'fetched',
        offHostCopy: 'copied',
      };
      this.comingBack.add(id);
      try {
        await store.commit((changes) => changes.putSnapshot(record));
        const kept = await this.advance(record, 'whole', await write());
        this.tell(kept, 'snapshot.fetched', `the snapshot of ${taken} of volume ${volume} is here again`);
        return kept;
      } catch (thrown) {
        if (store.snapshot(id) !== undefined) await this.undo(record);
        throw thrown;
      } finally {
        this.comingBack.delete(id);
      }
    });
  }

  /** Those that are there, and those that are coming or going. */
  list(volume?: string): readonly SnapshotRecord[] {
    return this.deps.store
      .snapshots()
      .filter((record) => volume === undefined || record.volume === volume)
      .sort((one, other) => one.volume.localeCompare(other.volume) || one.taken.localeCompare(other.taken));
  }

  /** At start, before anything else: what an earlier castle let stand still goes on. */
  async thawAll(): Promise<void> {
    for (const record of this.own().filter(({ state }) => state === 'freezing')) {
      try {
        await this.thaw(record);
      } catch (thrown) {
        this.tell(
          record,
          'snapshot.unresolved',
          `volume ${record.volume} may stand still: ${errorMessage(thrown)}`,
        );
      }
    }
  }

  /**
   * Finds out what became of the snapshots that an earlier castle was busy with: whole ones are kept, others are removed.
   * Whole ones without a record, as after a lost state, get one. May be called again when the backend did not answer.
   */
  async reconcile(): Promise<void> {
    const { snapshots } = this.deps.backend;
    if (snapshots === null || this.isReconciled) return;
    let there: ReadonlyMap<string, KnownSnapshot>;
    try {
      there = new Map((await snapshots.list()).map((one) => [one.id, one]));
    } catch (thrown) {
      // Containers have their volumes: that snapshots cannot be looked at is no reason not to start.
      this.deps.emit(`the snapshots cannot be looked through: ${errorMessage(thrown)}`, {
        event: 'snapshot.unresolved',
      });
      return;
    }
    this.isReconciled = true;
    const known = new Set(this.deps.store.snapshots().map(({ id }) => id));
    for (const record of this.own().filter(({ taken }) => taken < this.begun)) {
      // What somebody works on, or has just ended, is no riddle.
      const isAsItWas = this.deps.store.snapshot(record.id)?.state === record.state;
      if (this.comingBack.has(record.id) || !isAsItWas) continue;
      try {
        await this.settle(record, there.has(record.id), snapshots);
      } catch (thrown) {
        this.tell(
          record,
          'snapshot.unresolved',
          `snapshot ${record.id} is left as it is: ${errorMessage(thrown)}`,
        );
      }
    }
    for (const { id, volume, volumeId, taken } of there.values()) {
      if (known.has(id)) continue;
      const found: SnapshotRecord = {
        id,
        volume,
        ...(volumeId === undefined ? {} : { volumeId }),
        backend: this.deps.backend.name,
        state: 'ready',
        taken,
        origin: 'adopted',
        offHostCopy: 'none',
      };
      await this.deps.store.commit((changes) => changes.putSnapshot(found));
      this.tell(
        found,
        'snapshot.adopted',
        `a snapshot of volume ${volume}, taken ${taken}, is found and kept`,
      );
    }
  }

  /** Waits for snapshots that become whole, within a bound: the next castle finds out what became of the others. */
  async close(): Promise<void> {
    const all = Promise.all([this.perSnapshot.idle(), ...this.becoming.values()]);
    await Promise.race([all, sleep(lastWorkMs, undefined, { ref: false })]);
  }

  private async takeAlone(snapshots: Snapshots, volume: string, wanted: Wanted): Promise<SnapshotRecord> {
    const known = await this.known(volume);
    await this.endStandstills(volume);
    const record = this.newRecord(known, wanted);
    const begunMs = performance.now();
    try {
      const onDevice = snapshots.freeze === null ? undefined : await this.deviceOf(known);
      const begun =
        onDevice === undefined
          ? await this.begin(record, () => snapshots.begin(known, record.id, record.taken))
          : await this.beginFrozen(record, known, onDevice);
      this.becomes(begun.record, begun.snapshot, begunMs);
      return begun.record;
    } catch (thrown) {
      const left = this.deps.store.snapshot(record.id);
      if (left !== undefined) await this.undo(left);
      throw thrown;
    }
  }

  private snapshots(): Snapshots {
    const { snapshots, description } = this.deps.backend;
    if (snapshots === null) throw refusals.noSnapshots(description);
    return snapshots;
  }

  /** The snapshots of this backend: of those of another one, nothing can be seen. */
  private own(): readonly SnapshotRecord[] {
    return this.deps.store.snapshots().filter(({ backend }) => backend === this.deps.backend.name);
  }

  private async known(name: string): Promise<VolumeRecord> {
    const { store, backend } = this.deps;
    const known = store.volume(name);
    if (known === undefined || known.state !== 'ready') throw refusals.noVolumeToTake(name);
    if (known.backend !== backend.name) throw refusals.ofOtherBackend(`volume ${name}`, known.backend);
    const found = await backend.find(name);
    if (found === undefined) throw lostVolume(name, backend.description);
    // What lies under its name now is another one.
    if (found.id !== undefined && known.id !== undefined && found.id !== known.id) {
      throw refusals.noVolumeToTake(name);
    }
    return { ...known, ...found };
  }

  private newRecord({ name, id }: VolumeRecord, { origin, note }: Wanted): SnapshotRecord {
    const { store, backend } = this.deps;
    return {
      id: randomUUID(),
      volume: name,
      ...(id === undefined ? {} : { volumeId: id }),
      backend: backend.name,
      state: 'taking',
      taken: new Date().toISOString(),
      origin,
      offHostCopy: 'none',
      ...(note === undefined ? {} : { note }),
      ...(store.leasesOn(name).length > 0 ? { inUse: true } : {}),
    };
  }

  /** Where its file system is mounted from, if it is mounted now. */
  private async deviceOf({ name, id }: KnownVolume): Promise<DeviceFileSystem | undefined> {
    if (id === undefined) return undefined;
    const source = await this.deps.backend.source({ name, id });
    return source === undefined ? undefined : { device: source.device, uuid: id };
  }

  private async begin(
    record: SnapshotRecord,
    begin: () => Promise<BegunSnapshot>,
  ): Promise<{ readonly record: SnapshotRecord; readonly snapshot: BegunSnapshot }> {
    await this.deps.store.commit((changes) => changes.putSnapshot(record));
    return { record, snapshot: caught(await begin()) };
  }

  private async beginFrozen(
    wanted: SnapshotRecord,
    volume: KnownVolume,
    onDevice: DeviceFileSystem,
  ): Promise<{ readonly record: SnapshotRecord; readonly snapshot: BegunSnapshot }> {
    const { freezer, freezeLimitMs, store } = this.deps;
    const snapshots = this.snapshots();
    const { id, taken } = wanted;
    // Written down first, so that what prepare leaves behind when the castle is killed is removed by the next one.
    await store.commit((changes) => changes.putSnapshot(wanted));
    await snapshots.freeze?.prepare(volume, id, freezeLimitMs);
    const freezing: SnapshotRecord = { ...wanted, state: 'freezing' };
    await store.commit((changes) => changes.putSnapshot(freezing));
    let frozen: FrozenFileSystem | undefined;
    let isStill = false;
    let snapshot: BegunSnapshot;
    try {
      frozen = await freezer.freeze(onDevice, freezeLimitMs);
      snapshot = caught(await snapshots.begin(volume, id, taken));
    } catch (thrown) {
      if (frozen === undefined) await freezer.thaw(onDevice);
      throw thrown;
    } finally {
      isStill = frozen === undefined || (await frozen.thaw());
    }
    if (!isStill) {
      // It may become whole all the same: only then can it be taken away.
      await snapshot.completed.catch(() => undefined);
      throw refusals.notStill(volume.name, freezeLimitMs);
    }
    return { record: await this.advance(freezing, 'begun'), snapshot };
  }

  private becomes(record: SnapshotRecord, { completed: whole }: BegunSnapshot, begunMs: number): void {
    const { id, volume } = record;
    const done = whole
      .then(async ({ sizeBytes }) => {
        await this.advance(record, 'whole', sizeBytes === undefined ? {} : { sizeBytes });
        const tookMs = Math.round(performance.now() - begunMs);
        this.tell(record, 'snapshot.taken', `snapshot of volume ${volume} is taken`, { tookMs });
      })
      .catch((thrown: unknown) => this.giveUp(record, errorMessage(thrown)))
      .finally(() => this.becoming.delete(id));
    this.becoming.set(id, done);
  }

  private async giveUp(record: SnapshotRecord, why: string): Promise<void> {
    this.tell(record, 'snapshot.failed', `no snapshot of volume ${record.volume}: ${why}`);
    await this.undo(record);
  }

  /** What an earlier order could not end; nobody else lets this volume stand still now. */
  private async endStandstills(volume: string): Promise<void> {
    for (const record of this.own()) {
      if (record.volume === volume && record.state === 'freezing') await this.undo(record);
    }
  }

  /** What can't be taken away now is taken away at the next start. */
  private async undo(record: SnapshotRecord): Promise<void> {
    try {
      if (record.state === 'freezing') await this.thaw(record);
      await this.removeForGood(await this.advance(record, 'failed'));
    } catch (thrown) {
      this.tell(
        record,
        'snapshot.unresolved',
        `what is left of snapshot ${record.id} stays: ${errorMessage(thrown)}`,
      );
    }
  }

  private async thaw({ volume, volumeId }: SnapshotRecord): Promise<void> {
    if (volumeId === undefined) return;
    const onDevice = await this.deviceOf({ name: volume, id: volumeId });
    if (onDevice !== undefined) await this.deps.freezer.thaw(onDevice);
  }

  private async settle(record: SnapshotRecord, isThere: boolean, snapshots: Snapshots): Promise<void> {
    switch (record.state) {
      case 'freezing':
        // Nobody knows how long it stood still.
        await this.giveUp(record, 'the castle ended while the volume stood still for it');
        return;
      case 'taking': {
        if (isThere) {
          await this.advance(record, 'whole');
          return;
        }
        const resumed = await snapshots.resume(record.id);
        if (resumed !== undefined) this.becomes(record, caught(resumed), performance.now());
        else await this.giveUp(record, 'the castle ended before it was whole');
        return;
      }
      case 'deleting':
        await this.removeForGood(record);
        return;
      case 'ready':
        if (isThere) return;
        this.tell(
          record,
          'snapshot.unresolved',
          `snapshot ${record.id} of volume ${record.volume} is not there any more`,
        );
    }
  }

  private async removeForGood(record: SnapshotRecord): Promise<void> {
    await this.snapshots().remove(record.id);
    await this.advance(record, 'removed');
  }

  /** Writes the state that follows from an event. */
  private async advance(
    record: SnapshotRecord,
    event: SnapshotEvent,
    changed: WrittenSnapshot = {},
  ): Promise<SnapshotRecord> {
    const state = after(record.state, event);
    if (state === 'deleted') {
      await this.deps.store.commit((changes) => changes.removeSnapshot(record.id));
      return record;
    }
    const next = { ...record, ...changed, state };
    await this.deps.store.commit((changes) => changes.putSnapshot(next));
    return next;
  }

  private tell(
    { id, volume }: SnapshotRecord,
    event: `snapshot.${'taken' | 'failed' | 'removed' | 'restored' | 'fetched' | 'adopted' | 'unresolved'}`,
    message: string,
    more: { readonly tookMs?: number } = {},
  ): void {
    this.deps.emit(message, { event, volume, snapshot: id, ...more });
  }
}

/** What fails before anybody waits for it is not lost: whoever waits later is told. */
function caught(snapshot: BegunSnapshot): BegunSnapshot {
  snapshot.completed.catch(() => undefined);
  return snapshot;
}
