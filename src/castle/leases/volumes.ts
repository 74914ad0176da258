import { randomUUID } from 'node:crypto';
import { errorCode, errorMessage } from '../../failure.ts';
import type { Backend, Owner } from '../backends/backend.ts';
import type { Say } from '../chronicle/happening.ts';
import type { SourceFolder } from '../mountinfo.ts';
import { Refused } from '../refused.ts';
import type { Store, VolumeRecord } from '../store.ts';
import { exchangedVolume, lostVolume, noSuchVolume, otherBackend } from './refusals.ts';

/** What a volume is to be should it have to be made; of one that is there, nothing changes. */
export interface Wish {
  readonly owner: Owner;
  readonly sizeBytes?: number;
}

/** Makes volumes and finds them again; the store says what the castle was about to do with each. */
export class Volumes {
  constructor(
    private readonly store: Store,
    private readonly backend: Backend,
    private readonly say: Say,
  ) {}

  /**
   * Sees to it that the volume is there.
   * @returns its record, not in the store yet when it was found on disk, and whether it was made just now
   * @throws Refused backend_failed when it can't be made, was there once and is not any more, or is another one
   */
  async prepare(
    name: string,
    wish: Wish,
  ): Promise<{ readonly record: VolumeRecord; readonly isNew: boolean }> {
    const known = this.store.volume(name);
    if (known !== undefined && known.backend !== this.backend.name) throw otherBackend(known, this.backend);
    const found = await this.backend.find(name);
    if (found === undefined) {
      if (known?.state === 'ready') throw lostVolume(name, this.backend.description);
      return { record: await this.create(known ?? this.newRecord(name), wish), isNew: true };
    }
    if (known?.id !== undefined && found.id !== undefined && known.id !== found.id) {
      throw exchangedVolume(name, known.id, found.id);
    }
    // Without a store, what the backend says of a volume is all that is known.
    return { record: { ...(known ?? this.newRecord(name)), ...found }, isNew: false };
  }

  /** @throws Refused not_found when there is no such volume; backend_failed when it belongs to another backend */
  known(name: string): VolumeRecord {
    const known = this.store.volume(name);
    if (known === undefined) throw noSuchVolume(name);
    if (known.backend !== this.backend.name) throw otherBackend(known, this.backend);
    return known;
  }

  private newRecord(name: string): VolumeRecord {
    return {
      name,
      id: randomUUID(),
      backend: this.backend.name,
      state: 'creating',
      created: new Date().toISOString(),
    };
  }

  private async create(record: VolumeRecord, { owner, sizeBytes }: Wish): Promise<VolumeRecord> {
    const { name, id = randomUUID() } = record;
    await this.store.commit((changes) => changes.putVolume({ ...record, id }));
    try {
      await this.backend.create({ name, id, owner, ...(sizeBytes === undefined ? {} : { sizeBytes }) });
    } catch (thrown) {
      await this.store.commit((changes) => changes.removeVolume(name));
      throw thrown;
    }
    return { ...record, id };
  }

  /** Tells of a new volume, once it is there to stay: a wrong mount point, asked for again and again, is not worth it. */
  tellOfNew({ name }: VolumeRecord, owner: Owner): void {
    this.say(`volume ${name} created in the ${this.backend.description}, owner ${owner.uid}:${owner.gid}`, {
      event: 'volume.created',
      volume: name,
    });
  }

  /** A volume that was made for a mount that cannot be made is not kept: its name may have been a slip. */
  async discard(volume: VolumeRecord): Promise<void> {
    try {
      // Back to "may be there or not" first: a castle that is killed in between finds out which.
      if (this.store.volume(volume.name)?.state !== 'creating') {
        await this.store.commit((changes) => changes.putVolume({ ...volume, state: 'creating' }));
      }
      const gone = await this.backend.discardEmpty(volume);
      await this.store.commit((changes) => {
        if (gone) changes.removeVolume(volume.name);
        else changes.putVolume({ ...volume, state: 'ready' });
      });
    } catch (thrown) {
      this.say(`volume ${volume.name}, empty, could not be taken back: ${errorMessage(thrown)}`, {
        event: 'volume.unclear',
        volume: volume.name,
      });
    }
  }

  /** Finds out what became of volumes that were being created when a castle ended; the others are left alone. */
  async reconcile(): Promise<void> {
    for (const volume of this.store.volumes()) {
      try {
        await this.settle(volume);
      } catch (thrown) {
        this.say(`volume ${volume.name} is left as it is: ${errorMessage(thrown)}`, {
          event: 'volume.unclear',
          volume: volume.name,
        });
      }
    }
  }

  /** Finds out what became of one whose creation may not have come to its end. */
  async settle(volume: VolumeRecord): Promise<void> {
    if (volume.state === 'ready' || volume.backend !== this.backend.name) return;
    const found = await this.backend.find(volume.name);
    await this.store.commit((changes) => {
      if (found !== undefined) changes.putVolume({ ...volume, state: 'ready' });
      else changes.removeVolume(volume.name);
    });
  }

  /**
   * What the kernel calls the volume where it is mounted; undefined when it can be mounted nowhere now.
   * @throws Refused backend_failed when it cannot be looked at
   */
  async source(name: string): Promise<SourceFolder | undefined> {
    const { id } = this.store.volume(name) ?? {};
    try {
      return await this.backend.source({ name, ...(id === undefined ? {} : { id }) });
    } catch (thrown) {
      if (thrown instanceof Refused) throw thrown;
      if (errorCode(thrown) === 'ENOENT') throw lostVolume(name, this.backend.description);
      throw new Refused(
        'backend_failed',
        `volume ${name} cannot be looked at: ${errorMessage(thrown)}`,
        `see to the ${this.backend.description}`,
      );
    }
  }
}
