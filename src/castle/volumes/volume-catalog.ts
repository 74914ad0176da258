import { randomUUID } from 'node:crypto';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend, Owner } from '../backends/backend.ts';
import type { NewVolume } from '../backends/volume.ts';
import type { EmitEvent } from '../events/event.ts';
import { exchangedVolume, lostVolume, noSuchVolume, otherBackend } from '../leases/refusals.ts';
import type { OneAtATime } from '../store/keyed-mutex.ts';
import type { Store, VolumeRecord } from '../store/store.ts';
import { afterVolume, type VolumeEvent } from './volume-states.ts';

/** What a volume is to be should it have to be made; of one that is there, nothing changes. */
export interface VolumeSpec {
  readonly owner: Owner;
  readonly sizeBytes?: number;
  /** Whether several containers may write to it at once. */
  readonly shared: boolean;
  /** What it begins with: a snapshot by its id, or `latest:VOLUME`; it has that one's owner and size then. */
  readonly snapshot?: string;
}

/** Makes a volume that is not there yet from a snapshot. @throws RefusalError; nothing is left of it then */
export type CreateFromSnapshot = (snapshot: string, volume: NewVolume) => Promise<void>;

/** Makes volumes and finds them again; the store says what the castle was about to do with each. */
export class VolumeCatalog {
  /** What people were told of volumes with which something is wrong, by kind and name. */
  private readonly reported = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly backend: Backend,
    private readonly emit: EmitEvent,
    private readonly createFromSnapshot: CreateFromSnapshot,
  ) {}

  /**
   * Sees to it that the volume is there.
   * @returns its record, not in the store yet when it was found on disk, and whether it was made just now
   * @throws RefusalError backend_failed when it can't be made, was there once and is not any more, or is another one
   */
  async prepare(
    name: string,
    spec: VolumeSpec,
  ): Promise<{ readonly record: VolumeRecord; readonly isNew: boolean }> {
    const known = this.store.volume(name);
    if (known !== undefined && known.backend !== this.backend.name) throw otherBackend(known, this.backend);
    const found = await this.backend.find(name);
    if (found === undefined) {
      if (known?.state === 'ready') throw lostVolume(name, this.backend.description);
      return { record: await this.create(known ?? this.newRecord(name, spec), spec), isNew: true };
    }
    if (known?.id !== undefined && found.id !== undefined && known.id !== found.id) {
      throw exchangedVolume(name, known.id, found.id);
    }
    // Without a store, what the backend says of a volume is all that is known.
    return { record: { ...(known ?? this.newRecord(name, spec)), ...found }, isNew: false };
  }

  /** @throws RefusalError not_found when there is no such volume; backend_failed when it belongs to another backend */
  known(name: string): VolumeRecord {
    const known = this.store.volume(name);
    if (known === undefined) throw noSuchVolume(name);
    if (known.backend !== this.backend.name) throw otherBackend(known, this.backend);
    return known;
  }

  private newRecord(name: string, { shared }: VolumeSpec): VolumeRecord {
    return {
      name,
      id: randomUUID(),
      backend: this.backend.name,
      state: 'creating',
      ...(shared ? { shared } : {}),
      created: new Date().toISOString(),
    };
  }

  private async create(
    record: VolumeRecord,
    { owner, sizeBytes, snapshot }: VolumeSpec,
  ): Promise<VolumeRecord> {
    const { name, id = randomUUID() } = record;
    await this.advance({ ...record, id }, 'create');
    try {
      const volume = { name, id, owner, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
      if (snapshot === undefined) await this.backend.create(volume);
      else await this.createFromSnapshot(snapshot, volume);
    } catch (thrown) {
      await this.advance(record, 'notMade');
      throw thrown;
    }
    return { ...record, id };
  }

  /** Tells of a new volume, once it is there to stay: a wrong mount point, asked for again and again, is not worth it. */
  reportCreated({ name }: VolumeRecord, { owner, snapshot }: VolumeSpec): void {
    const how = snapshot === undefined ? `owner ${owner.uid}:${owner.gid}` : `from snapshot ${snapshot}`;
    this.emit(`volume ${name} created in the ${this.backend.description}, ${how}`, {
      event: 'volume.created',
      volume: name,
    });
  }

  /** A volume that was made for a mount that cannot be made is not kept: its name may have been a slip. */
  async discard(volume: VolumeRecord): Promise<void> {
    try {
      // Back to "may be there or not" first: a castle that is killed in between finds out which.
      if (this.store.volume(volume.name)?.state !== 'creating') {
        await this.advance(volume, 'discard');
      }
      const gone = await this.backend.discardEmpty(volume);
      await this.advance({ ...volume, state: 'creating' }, gone ? 'notMade' : 'made');
    } catch (thrown) {
      this.emit(`volume ${volume.name}, empty, could not be taken back: ${errorMessage(thrown)}`, {
        event: 'volume.unresolved',
        volume: volume.name,
      });
    }
  }

  /** At start: finds out what became of volumes that were being created when a castle ended. */
  async reconcile(volumeLock: OneAtATime): Promise<void> {
    for (const { name } of this.store.volumes()) await volumeLock.run(name, () => this.settle(name));
  }

  /**
   * Finds out what became of a volume that was being created; of one that is ready, whether it is still there. Nothing is
   * done about one that is away, but people are told, once.
   * @returns whether something was put right in the store, or is only for people to put right
   */
  async settle(name: string): Promise<'unchanged' | 'corrected' | 'unresolved'> {
    const volume = this.store.volume(name);
    if (volume === undefined || volume.backend !== this.backend.name) return 'unchanged';
    try {
      const found = await this.backend.find(name);
      if (volume.state !== 'ready') {
        await this.advance(volume, found === undefined ? 'notMade' : 'made');
        return 'corrected';
      }
      if (found === undefined) throw lostVolume(name, this.backend.description);
      if (volume.id !== undefined && found.id !== undefined && volume.id !== found.id) {
        throw exchangedVolume(name, volume.id, found.id);
      }
      this.reported.delete(`volume ${name}`);
      return 'unchanged';
    } catch (thrown) {
      this.reportOnce('volume', name, `volume ${name} is left as it is: ${errorMessage(thrown)}`);
      return 'unresolved';
    }
  }

  /** Tells people that something is wrong with a volume, or its use, and again only when it is something else. */
  reportOnce(kind: 'volume' | 'use', name: string, what: string): void {
    if (this.reported.get(`${kind} ${name}`) === what) return;
    this.reported.set(`${kind} ${name}`, what);
    this.emit(what, { event: 'volume.unresolved', volume: name });
  }

  /** Writes the state that follows from an event. */
  private async advance(volume: VolumeRecord, event: VolumeEvent): Promise<void> {
    const state = afterVolume(volume.state, event);
    await this.store.commit((changes) => {
      if (state === 'none') changes.removeVolume(volume.name);
      else changes.putVolume({ ...volume, state });
    });
  }
}
