import { randomUUID } from 'node:crypto';
import { namespaceOf } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend } from '../backends/backend.ts';
import { volumeExists } from '../backends/snapshot-refusals.ts';
import type { Trash } from '../backends/trash.ts';
import type { KnownVolume } from '../backends/volume.ts';
import type { EmitEvent } from '../events/event.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import { checkVolumeName } from '../refusals/check-volume-name.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Changes, Store, TrashRecord, VolumeRecord } from '../store/store.ts';
import type { MountInspector } from './mount-inspector.ts';
import {
  isNotShared,
  leasedVolume,
  lostVolume,
  mountedElsewhere,
  noSuchVolume,
  otherBackend,
} from './refusals.ts';
import type { VolumeCatalog, VolumeSpec } from './volume-catalog.ts';
import { afterTrash, type TrashEvent } from './volume-states.ts';

export interface VolumeAdministrationDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly catalog: VolumeCatalog;
  readonly volumeLock: KeyedMutex;
  readonly inspector: MountInspector;
  /** Ends the leases of a volume's mounts for an engine that no container uses any more. The caller holds the volume's lock. */
  readonly endUnusedEngineMounts: (volume: string) => Promise<void>;
  readonly emit: EmitEvent;
}

/** The operations on volumes for administrators of the host: create, delete, restore, purge and unlock. */
export class VolumeAdministration {
  constructor(private readonly deps: VolumeAdministrationDeps) {}

  /**
   * Creates a volume before a container requests it.
   * @returns whether the volume was created; false when it existed already
   * @throws RefusalError bad_volume_name, backend_failed; bad_request when the volume exists, a shared volume was requested, and
   *   it is not shared; busy when the volume exists and a snapshot was given
   */
  create(volume: string, spec: VolumeSpec): Promise<boolean> {
    checkVolumeName(volume);
    return this.deps.volumeLock.run(volume, async () => {
      const { record, isNew } = await this.deps.catalog.prepare(volume, spec);
      if (spec.shared && record.shared !== true) throw isNotShared(volume);
      if (!isNew && spec.snapshot !== undefined) throw volumeExists(volume);
      if (this.deps.store.volume(volume)?.state !== 'ready') {
        await this.deps.store.commit((changes) => changes.putVolume({ ...record, state: 'ready' }));
      }
      if (isNew) this.deps.catalog.reportCreated(record, spec);
      return isNew;
    });
  }

  /**
   * Moves a volume into the trash, from which it is purged when its retention is over.
   * @throws RefusalError not_found; volume_in_use when the volume has a lease or a mount; busy, backend_failed
   */
  delete(volume: string): Promise<TrashRecord> {
    checkVolumeName(volume);
    return this.deps.volumeLock.run(volume, async () => {
      const { store, backend, emit } = this.deps;
      const trash = trashOf(backend);
      await this.settleAll(volume, trash);
      await this.checkUnused(volume);
      const now = new Date().toISOString();
      const { id: volumeId, created = now, shared } = store.volume(volume) ?? {};
      const record: TrashRecord = {
        id: randomUUID(),
        volume,
        ...(volumeId === undefined ? {} : { volumeId }),
        ...(shared === undefined ? {} : { shared }),
        backend: backend.name,
        state: 'deleting',
        created,
        deleted: now,
      };
      await store.commit((changes) => changes.putTrash(record));
      try {
        await trash.put(volume, record.id);
      } catch (thrown) {
        await this.settleDeleting(record, trash);
        throw thrown;
      }
      const kept = await this.recordDeleted(record).catch(async (thrown: unknown) => {
        // The move could not be recorded in the store: undo it, so that requests find the volume. The record is settled later.
        await trash.restore(volume, record.id);
        throw thrown;
      });
      emit(`volume ${volume} was deleted and is kept in the trash`, { event: 'volume.deleted', volume });
      return kept;
    });
  }

  /**
   * Restores the most recently deleted volume of a name.
   * @throws RefusalError not_found when the trash has no volume of the name; busy when another volume has the name;
   *   backend_failed
   */
  restore(volume: string): Promise<void> {
    checkVolumeName(volume);
    return this.deps.volumeLock.run(volume, async () => {
      const { backend, emit } = this.deps;
      const trash = trashOf(backend);
      this.checkBackend(volume);
      await this.settleAll(volume, trash);
      const kept = this.records()
        .filter((record) => record.volume === volume && record.state === 'kept')
        .sort((one, other) => one.deleted.localeCompare(other.deleted))
        .at(-1);
      if (kept === undefined) {
        throw new RefusalError(
          'not_found',
          `no deleted volume ${volume} is in the trash`,
          'to list the deleted volumes, run: castle deleted',
        );
      }
      const record = await this.advance(kept, 'restore');
      try {
        await trash.restore(volume, record.id);
      } catch (thrown) {
        await this.settleRestoring(record, trash);
        throw thrown;
      }
      await this.recordRestored(record).catch(async (thrown: unknown) => {
        await trash.put(volume, record.id);
        throw thrown;
      });
      emit(`volume ${volume}, deleted on ${kept.deleted}, was restored`, {
        event: 'volume.restored',
        volume,
      });
    });
  }

  /**
   * Removes another host's claim on a volume. Use it only for a host that does not run any more: otherwise, two hosts could
   * write to the volume.
   * @returns the name of the host that had the claim; undefined when there was no claim
   * @throws RefusalError bad_request when the backend has no claims; volume_in_use when this host uses the volume;
   *   backend_failed
   */
  unlock(volume: string): Promise<string | undefined> {
    checkVolumeName(volume);
    return this.deps.volumeLock.run(volume, async () => {
      const { store, backend, inspector, emit } = this.deps;
      const { claims } = backend;
      if (claims === null) throw noClaims(backend);
      const [lease] = store.leasesOn(volume);
      if (lease !== undefined) throw leasedVolume(lease);
      const [found] = await inspector.findMounts(volume);
      if (found !== undefined) throw inUseElsewhere(volume, found);
      const discarded = await claims.discard(volume);
      if (discarded === undefined) return undefined;
      emit(
        `the claim of host ${discarded.host} on volume ${volume}, since ${discarded.since}, was discarded`,
        {
          event: 'volume.unlocked',
          volume,
        },
      );
      return discarded.host;
    });
  }

  /**
   * Returns a volume from the store or, when the store has no record of it, from the backend.
   * @throws RefusalError backend_failed
   */
  async lookUp(volume: string): Promise<(KnownVolume & Partial<VolumeRecord>) | undefined> {
    const { store, backend } = this.deps;
    return store.volume(volume) ?? (await backend.find(volume));
  }

  /** Returns the deleted volumes that can be restored, including the volumes that are being restored now. */
  list(): readonly TrashRecord[] {
    return this.deps.store.trash().filter(({ state }) => state === 'kept' || state === 'restoring');
  }

  /** Whether the store has the record of a deleted volume that is missing in the backend's trash. */
  async isMissing(id: string): Promise<boolean> {
    const record = this.keptRecord(id);
    return record !== undefined && !(await trashOf(this.deps.backend).has(record.volume, id));
  }

  /** Removes the record of a deleted volume that is missing in the trash. @returns false when the volume is in the trash */
  async removeMissingRecord(id: string): Promise<boolean> {
    const record = this.keptRecord(id);
    if (record === undefined) return true;
    return this.deps.volumeLock.run(record.volume, async () => {
      if (!(await this.isMissing(id))) return false;
      await this.deps.store.commit((changes) => changes.removeTrash(id));
      return true;
    });
  }

  /** Purges one deleted volume. @returns whether its record was removed; false after a failure */
  async purgeOne(id: string): Promise<boolean> {
    const [record, { trash }] = [this.keptRecord(id), this.deps.backend];
    if (record !== undefined && trash !== null) await this.tryToPurge(record, trash);
    return !this.deps.store.trash().some((now) => now.id === id);
  }

  /**
   * Purges the volumes that were deleted before a time, and completes interrupted purges. A failure is reported, and the volume
   * stays in the trash.
   * @param beforeMs the time, in milliseconds since 1970
   */
  async purge(beforeMs: number): Promise<void> {
    const { trash } = this.deps.backend;
    if (trash === null) return;
    for (const record of this.records()) {
      const isExpired = record.state === 'kept' && Date.parse(record.deleted) <= beforeMs;
      if (isExpired || record.state === 'purging') await this.tryToPurge(record, trash);
    }
  }

  /**
   * At start, completes or reverts the deletes and restores that an earlier castle did not finish: each such volume is either
   * in the trash or in its original place. A volume in the trash without a record, for example after the store was lost, gets a
   * record with the current time as its time of deletion.
   */
  async reconcile(): Promise<void> {
    const { store, backend, emit } = this.deps;
    const { trash } = backend;
    if (trash === null) return;
    for (const volume of new Set(this.records().map((record) => record.volume))) {
      try {
        await this.deps.volumeLock.run(volume, () => this.settleAll(volume, trash));
      } catch (thrown) {
        emit(`the deleted volume ${volume} is left as it is: ${errorMessage(thrown)}`, {
          event: 'volume.unresolved',
          volume,
        });
      }
    }
    const known = new Set(store.trash().map(({ id }) => id));
    for (const { volume, id, volumeId } of await this.listTrash(trash)) {
      if (known.has(id)) continue;
      const now = new Date().toISOString();
      const found: TrashRecord = {
        id,
        volume,
        ...(volumeId === undefined ? {} : { volumeId }),
        backend: backend.name,
        state: 'kept',
        created: now,
        deleted: now,
      };
      await store.commit((changes) => changes.putTrash(found));
    }
  }

  /** Lists the trash. A failure is reported and does not stop the start, because leases do not depend on the trash. */
  private async listTrash(trash: Trash): ReturnType<Trash['list']> {
    try {
      return await trash.list();
    } catch (thrown) {
      this.deps.emit(`the trash cannot be listed: ${errorMessage(thrown)}`, {
        event: 'volume.unresolved',
      });
      return [];
    }
  }

  /** Returns the names of the volumes whose delete or restore was not finished. */
  unsettled(): readonly string[] {
    return this.records()
      .filter(({ state }) => state === 'deleting' || state === 'restoring')
      .map(({ volume }) => volume);
  }

  /**
   * Settles the unfinished delete or restore of a volume. The caller holds the volume's lock.
   * @returns whether the volume had an unfinished delete or restore
   * @throws RefusalError when the backend cannot be read or the store cannot be written
   */
  async settleOne(volume: string): Promise<boolean> {
    const { trash } = this.deps.backend;
    if (trash === null || !this.unsettled().includes(volume)) return false;
    await this.settleAll(volume, trash);
    return true;
  }

  private keptRecord(id: string): TrashRecord | undefined {
    return this.records().find((record) => record.id === id && record.state === 'kept');
  }

  /** Returns the trash records of this backend. The trash of another backend cannot be examined. */
  private records(): readonly TrashRecord[] {
    return this.deps.store.trash().filter(({ backend }) => backend === this.deps.backend.name);
  }

  /**
   * Refuses a volume whose record belongs to another backend: a volume of the same name in this backend is a different volume.
   */
  private checkBackend(volume: string): void {
    const known = this.deps.store.volume(volume);
    if (known !== undefined && known.backend !== this.deps.backend.name) {
      throw otherBackend(known, this.deps.backend);
    }
  }

  private async checkUnused(volume: string): Promise<void> {
    const { store, backend, inspector, endUnusedEngineMounts } = this.deps;
    this.checkBackend(volume);
    await endUnusedEngineMounts(volume);
    const [lease] = store.leasesOn(volume);
    if (lease !== undefined) throw leasedVolume(lease);
    if ((await backend.find(volume)) === undefined) {
      const isLost = store.volume(volume)?.state === 'ready';
      throw isLost ? lostVolume(volume, backend.description) : noSuchVolume(volume);
    }
    const [found] = await inspector.findMounts(volume);
    if (found !== undefined) throw inUseElsewhere(volume, found);
  }

  /** Settles earlier operations on a volume whose result could not be written to the store, for example on a full disk. */
  private async settleAll(volume: string, trash: Trash): Promise<void> {
    const records = this.records().filter((record) => record.volume === volume);
    for (const record of records) await this.settle(record, trash);
  }

  private async settle(record: TrashRecord, trash: Trash): Promise<void> {
    if (record.state === 'deleting') await this.settleDeleting(record, trash);
    if (record.state === 'restoring') await this.settleRestoring(record, trash);
  }

  /** Corrects the record of an unfinished delete: `kept` when the volume is in the trash, otherwise the record is removed. */
  private async settleDeleting(record: TrashRecord, trash: Trash): Promise<void> {
    if (await trash.has(record.volume, record.id)) await this.recordDeleted(record);
    else await this.advance(record, 'notMoved');
  }

  private recordDeleted(record: TrashRecord): Promise<TrashRecord> {
    return this.advance(record, 'moved', (changes) => changes.removeVolume(record.volume));
  }

  /** Writes the state that follows from an event. @param alsoChange makes further changes in the same commit */
  private async advance(
    record: TrashRecord,
    event: TrashEvent,
    alsoChange: (changes: Changes) => void = () => undefined,
  ): Promise<TrashRecord> {
    const state = afterTrash(record.state, event);
    const next = state === 'none' ? record : { ...record, state };
    await this.deps.store.commit((changes) => {
      alsoChange(changes);
      if (state === 'none') changes.removeTrash(record.id);
      else changes.putTrash(next);
    });
    return next;
  }

  /** Corrects the record of an unfinished restore: `kept` when the volume is in the trash, otherwise restored. */
  private async settleRestoring(record: TrashRecord, trash: Trash): Promise<void> {
    if (!(await trash.has(record.volume, record.id))) return this.recordRestored(record);
    await this.advance(record, 'notRestored');
  }

  private async recordRestored(record: TrashRecord): Promise<void> {
    const { volume: name, volumeId, shared, backend, created } = record;
    const ids = volumeId === undefined ? {} : { id: volumeId };
    const volume = { name, ...ids, ...(shared === undefined ? {} : { shared }), backend, created };
    await this.advance(record, 'restored', (changes) => changes.putVolume({ ...volume, state: 'ready' }));
  }

  private async tryToPurge(record: TrashRecord, trash: Trash): Promise<void> {
    const { volume, id } = record;
    let purging = record;
    try {
      const isPurging = await this.deps.volumeLock.run(volume, async () => {
        if (record.state === 'purging') return true; // the purge was begun, perhaps by an earlier castle
        // The volume may have been restored in the meantime.
        if (!this.records().some((now) => now.id === id && now.state === 'kept')) return false;
        await this.checkNotMounted(record, trash);
        purging = await this.advance(record, 'purge');
        return true;
      });
      // Runs without the volume's lock: the removal of a large volume takes long and must not block a new volume of that name.
      if (isPurging) await this.removePermanently(purging, trash);
    } catch (thrown) {
      this.deps.emit(`the deleted volume ${volume} could not be removed: ${errorMessage(thrown)}`, {
        event: 'volume.unresolved',
        volume,
      });
    }
  }

  private async removePermanently(record: TrashRecord, trash: Trash): Promise<void> {
    const { id, volume, deleted } = record;
    await trash.purge(volume, id);
    await this.advance(record, 'purged');
    this.deps.emit(`volume ${volume}, deleted on ${deleted}, was removed permanently`, {
      event: 'volume.purged',
      volume,
    });
  }

  /** Refuses a mounted volume. The kernel would allow the removal of a folder that is mounted in another mount namespace. */
  private async checkNotMounted({ volume, id }: TrashRecord, trash: Trash): Promise<void> {
    const source = await trash.source(volume, id);
    if (source === undefined) return;
    const [found] = await this.deps.inspector.namespaces.findMounts(source, source);
    if (found !== undefined) throw inUseElsewhere(volume, found);
  }
}

function inUseElsewhere(volume: string, found: VolumeMount): RefusalError {
  return mountedElsewhere(volume, found, found.namespace === namespaceOf('self', 'mnt'));
}

function noClaims({ description }: Backend): RefusalError {
  return new RefusalError(
    'bad_request',
    `this backend (${description}) has no claims of hosts`,
    'there is nothing to unlock; only hosts that share an NFS export (backend nfs) claim volumes',
  );
}

function trashOf({ trash, description }: Backend): Trash {
  if (trash !== null) return trash;
  throw new RefusalError(
    'bad_request',
    `volumes of this backend (${description}) cannot be deleted, because it has no trash`,
    'keep the volume',
  );
}
