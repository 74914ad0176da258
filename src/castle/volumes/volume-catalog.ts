import { randomUUID } from 'node:crypto';
import { errorMessage } from '../../terminal/failure.ts';
import type { Backend, Owner } from '../backends/backend.ts';
import type { NewVolume } from '../backends/volume.ts';
import type { EmitEvent } from '../events/event.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store, VolumeRecord } from '../store/store.ts';
import { exchangedVolume, lostVolume, noSuchVolume, otherBackend } from './refusals.ts';
import { afterVolume, type VolumeEvent } from './volume-states.ts';

/** The properties of a new volume. They do not change an existing volume. */
export interface VolumeSpec {
  readonly owner: Owner;
  readonly sizeBytes?: number;
  /** Whether several containers may write to the volume at the same time. */
  readonly shared: boolean;
  /** The snapshot to create the volume from: its id or `latest:VOLUME`. Owner and size then come from the snapshot. */
  readonly snapshot?: string;
}

/** Creates a volume from a snapshot. @throws RefusalError; an incomplete volume has been removed then */
export type CreateFromSnapshot = (snapshot: string, volume: NewVolume) => Promise<void>;

/** Creates and finds volumes. Each change is written to the store before it is made, so that the next start can recover from a crash. */
export class VolumeCatalog {
  /** The last reported fault, by kind and volume, so that a fault is reported once and not at each reconcile. */
  private readonly reported = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly backend: Backend,
    private readonly emit: EmitEvent,
    private readonly createFromSnapshot: CreateFromSnapshot,
  ) {}

  /**
   * Finds a volume, or creates it.
   * @returns the record of the volume, which is not in the store yet if only the backend had the volume; and whether the volume
   *   was created by this call
   * @throws RefusalError backend_failed when the volume cannot be created, is lost, or was replaced by another volume
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
    // If the store was lost, the backend is the only source of the volume's data.
    return { record: { ...(known ?? this.newRecord(name, spec)), ...found }, isNew: false };
  }

  /** Returns the record of a volume. @throws RefusalError not_found; backend_failed when it belongs to another backend */
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
      await this.advance(record, 'notCreated');
      throw thrown;
    }
    return { ...record, id };
  }

  /** Reports a new volume. Call it when the volume is certain to stay: repeated requests with a wrong mount point would fill the log. */
  reportCreated({ name }: VolumeRecord, { owner, snapshot }: VolumeSpec): void {
    const how = snapshot === undefined ? `owner ${owner.uid}:${owner.gid}` : `from snapshot ${snapshot}`;
    this.emit(`volume ${name} created in the ${this.backend.description}, ${how}`, {
      event: 'volume.created',
      volume: name,
    });
  }

  /** Removes a new volume whose mount failed, if nothing was written to it: its name may have been a typing error. */
  async discard(volume: VolumeRecord): Promise<void> {
    try {
      // Set the state back to `creating`: if the castle is killed now, the next start checks whether the volume exists.
      if (this.store.volume(volume.name)?.state !== 'creating') {
        await this.advance(volume, 'discard');
      }
      const isRemoved = await this.backend.discardEmpty(volume);
      await this.advance({ ...volume, state: 'creating' }, isRemoved ? 'notCreated' : 'created');
    } catch (thrown) {
      this.emit(`the new, empty volume ${volume.name} could not be removed: ${errorMessage(thrown)}`, {
        event: 'volume.unresolved',
        volume: volume.name,
      });
    }
  }

  /** Settles all volumes at start; see settle. */
  async reconcile(volumeLock: KeyedMutex): Promise<void> {
    for (const { name } of this.store.volumes()) await volumeLock.run(name, () => this.settle(name));
  }

  /**
   * Compares the record of a volume with the backend: checks whether an unfinished creation succeeded, and whether a ready volume
   * still exists. A missing or replaced volume is reported once, and its record does not change.
   * @returns `corrected` when the record was corrected; `unresolved` when an operator has to correct a fault
   */
  async settle(name: string): Promise<'unchanged' | 'corrected' | 'unresolved'> {
    const volume = this.store.volume(name);
    if (volume === undefined || volume.backend !== this.backend.name) return 'unchanged';
    try {
      const found = await this.backend.find(name);
      if (volume.state !== 'ready') {
        await this.advance(volume, found === undefined ? 'notCreated' : 'created');
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

  /** Reports a fault of a volume or of its use, unless the last report of that kind was the same. */
  reportOnce(kind: 'volume' | 'use', name: string, message: string): void {
    if (this.reported.get(`${kind} ${name}`) === message) return;
    this.reported.set(`${kind} ${name}`, message);
    this.emit(message, { event: 'volume.unresolved', volume: name });
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
