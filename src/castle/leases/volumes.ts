import { errorCode, errorMessage } from '../../failure.ts';
import type { Backend, Owner } from '../backends/backend.ts';
import type { Say } from '../chronicle/happening.ts';
import { type SourceFolder, sourceFolder } from '../mountinfo.ts';
import { Refused } from '../refused.ts';
import type { Store, VolumeRecord } from '../store.ts';
import { lostVolume } from './refusals.ts';

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
   * @throws Refused backend_failed when it can't be made, or was there once and is not any more
   */
  async prepare(
    name: string,
    owner: Owner,
  ): Promise<{ readonly record: VolumeRecord; readonly isNew: boolean }> {
    const known = this.store.volume(name);
    const record: VolumeRecord = known ?? {
      name,
      backend: this.backend.name,
      state: 'creating',
      created: new Date().toISOString(),
    };
    if (await this.backend.exists(name)) return { record, isNew: false };
    if (known?.state === 'ready') throw lostVolume(name, this.backend.description);
    await this.store.commit((changes) => changes.putVolume(record));
    try {
      await this.backend.create(name, owner);
    } catch (thrown) {
      await this.store.commit((changes) => changes.removeVolume(name));
      throw thrown;
    }
    return { record, isNew: true };
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
      const gone = await this.backend.discardEmpty(volume.name);
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
      if (volume.state === 'ready') continue;
      try {
        const exists = await this.backend.exists(volume.name);
        await this.store.commit((changes) => {
          if (exists) changes.putVolume({ ...volume, state: 'ready' });
          else changes.removeVolume(volume.name);
        });
      } catch (thrown) {
        this.say(`volume ${volume.name} is left as it is: ${errorMessage(thrown)}`, {
          event: 'volume.unclear',
          volume: volume.name,
        });
      }
    }
  }

  /**
   * What the kernel calls the volume's folder.
   * @throws Refused backend_failed when it cannot be looked at
   */
  source(name: string): SourceFolder {
    try {
      return sourceFolder(this.backend.source(name));
    } catch (thrown) {
      if (errorCode(thrown) === 'ENOENT') throw lostVolume(name, this.backend.description);
      throw new Refused(
        'backend_failed',
        `volume ${name} cannot be looked at: ${errorMessage(thrown)}`,
        `see to the ${this.backend.description}`,
      );
    }
  }
}
