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
  /** Ends the leases for the engine on a volume that no container uses any more. Runs while the volume is locked. */
  readonly endUnusedEngineMounts: (volume: string) => Promise<void>;
  readonly emit: EmitEvent;
}

/** The operations for administrators of the host, not for containers: create, delete, restore, purge, unlock. */
export class VolumeAdministration {
  constructor(private readonly deps: VolumeAdministrationDeps) {}

  /**
   * Creates a volume before a container requests it.
   * @returns whether it is new
   * @throws RefusalError bad_volume_name, backend_failed; bad_request when it exists and is not shared as requested;
   *   busy when it exists and a snapshot was given
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
   * Moves a volume into the trash, where it is kept for a time.
   * @throws RefusalError not_found; volume_in_use when a lease is on it or it is mounted anywhere; busy, backend_failed
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
        // A move that is not in the store is undone, so that requests find the volume. The entry is settled later.
        await trash.restore(volume, record.id);
        throw thrown;
      });
      emit(`volume ${volume} was deleted and is kept in the trash`, { event: 'volume.deleted', volume });
      return kept;
    });
  }

  /**
   * Restores the volume of that name that was deleted last.
   * @throws RefusalError not_found when none is in the trash; busy when a volume has that name again; backend_failed
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
   * Removes another host's claim on a volume. Only for a host that will not come back.
   * @returns the name of that host; undefined when there was no claim
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
      const discarded = await claims.forceRelease(volume);
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
   * A volume that the store or only the backend knows.
   * @throws RefusalError backend_failed
   */
  async lookUp(volume: string): Promise<(KnownVolume & Partial<VolumeRecord>) | undefined> {
    const { store, backend } = this.deps;
    return store.volume(volume) ?? (await backend.find(volume));
  }

  /** The deleted volumes that can be restored, including those that are being restored now. */
  list(): readonly TrashRecord[] {
    return this.deps.store.trash().filter(({ state }) => state === 'kept' || state === 'restoring');
  }

  /** Whether the store has a deleted volume that is not in the backend's trash. */
  async isMissing(id: string): Promise<boolean> {
    const record = this.keptRecord(id);
    return record !== undefined && !(await trashOf(this.deps.backend).has(record.volume, id));
  }

  /** Removes the entry of a deleted volume that is not in the trash any more. @returns false when it is in the trash */
  async forget(id: string): Promise<boolean> {
    const record = this.keptRecord(id);
    if (record === undefined) return true;
    return this.deps.volumeLock.run(record.volume, async () => {
      if (!(await this.isMissing(id))) return false;
      await this.deps.store.commit((changes) => changes.removeTrash(id));
      return true;
    });
  }

  /** Removes one deleted volume for good. @returns false when that failed or the volume was restored meanwhile */
  async purgeOne(id: string): Promise<boolean> {
    const [record, { trash }] = [this.keptRecord(id), this.deps.backend];
    if (record !== undefined && trash !== null) await this.tryToPurge(record, trash);
    return !this.deps.store.trash().some((now) => now.id === id);
  }

  /**
   * Removes for good the volumes that were deleted before a time. A failure is reported, and the volume stays.
   * @param beforeMs milliseconds since 1970
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
   * At start: finds out what became of volumes that were being deleted or restored when a castle ended; each is either in
   * the trash or in its place. A volume in the trash without an entry, as after a lost store, gets one, deleted now.
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

  /** A trash that cannot be listed does not stop the start: leases do not depend on it. */
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

  /** The volumes whose deletion or restore has not ended. */
  unsettled(): readonly string[] {
    return this.records()
      .filter(({ state }) => state === 'deleting' || state === 'restoring')
      .map(({ volume }) => volume);
  }

  /**
   * Finds out what became of a volume that was being deleted or restored. Runs while the volume is locked.
   * @returns whether there was anything to find out
   * @throws RefusalError when the backend cannot tell or the store cannot be written
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

  /** The entries of this backend; another backend's trash cannot be examined. */
  private records(): readonly TrashRecord[] {
    return this.deps.store.trash().filter(({ backend }) => backend === this.deps.backend.name);
  }

  /** A volume of this backend with the name of another backend's volume is a different one. */
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

  /** An earlier operation may not have been able to write its result, as with a full disk: it is settled before the next. */
  private async settleAll(volume: string, trash: Trash): Promise<void> {
    const records = this.records().filter((record) => record.volume === volume);
    for (const record of records) await this.settle(record, trash);
  }

  private async settle(record: TrashRecord, trash: Trash): Promise<void> {
    if (record.state === 'deleting') await this.settleDeleting(record, trash);
    if (record.state === 'restoring') await this.settleRestoring(record, trash);
  }

  /** Settles a delete that may or may not have happened. */
  private async settleDeleting(record: TrashRecord, trash: Trash): Promise<void> {
    if (await trash.has(record.volume, record.id)) await this.recordDeleted(record);
    else await this.advance(record, 'notMoved');
  }

  private recordDeleted(record: TrashRecord): Promise<TrashRecord> {
    return this.advance(record, 'moved', (changes) => changes.removeVolume(record.volume));
  }

  /** Writes the state that follows from an event. @param alsoChange makes more changes in the same commit */
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

  /** Settles a restore that may or may not have happened. */
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
        if (record.state === 'purging') return true; // begun, perhaps by an earlier castle
        // It may have been restored meanwhile.
        if (!this.records().some((now) => now.id === id && now.state === 'kept')) return false;
        await this.checkNotMounted(record, trash);
        purging = await this.advance(record, 'purge');
        return true;
      });
      // Outside the lock: removing a large volume takes long, and a new volume of that name need not wait for it.
      if (isPurging) await this.removeForGood(purging, trash);
    } catch (thrown) {
      this.deps.emit(`the deleted volume ${volume} could not be removed: ${errorMessage(thrown)}`, {
        event: 'volume.unresolved',
        volume,
      });
    }
  }

  private async removeForGood(record: TrashRecord, trash: Trash): Promise<void> {
    const { id, volume, deleted } = record;
    await trash.purge(volume, id);
    await this.advance(record, 'purged');
    this.deps.emit(`volume ${volume}, deleted on ${deleted}, was removed for good`, {
      event: 'volume.purged',
      volume,
    });
  }

  /** The kernel lets a folder be deleted that is mounted in another mount namespace. */
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
