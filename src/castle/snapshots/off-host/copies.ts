import type { Readable } from 'node:stream';
import type { KnownSnapshot, ReadSnapshot } from '../../backends/snapshots.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { compressWithTrailer, decompressAndVerify, readTrailer, trailerBytes } from './copy-trailer.ts';
import type { Objects, StoredObject } from './object-store.ts';

/** An off-host copy of a snapshot. */
export interface Copy {
  readonly snapshot: KnownSnapshot;
  /** The format of its content, for example `ext4` or `tar`. */
  readonly format: string;
  readonly key: string;
  /** The size of the object, in bytes. */
  readonly bytes: number;
}

/** The age from which an unfinished upload counts as abandoned, in milliseconds: no upload takes this long. */
const leftOverAfterMs = 24 * 3_600_000;

/**
 * Off-host copies of snapshots, one object each: VOLUME/TIME_ID.FORMAT.gz. The list of copies is read from the object store
 * and not from the castle's state, so that another host finds the copies of a host that was destroyed.
 */
export class Copies {
  constructor(
    private readonly objects: Objects,
    private readonly prefix: string,
  ) {}

  /** Returns the description of the object store, for messages. */
  get place(): string {
    return this.objects.description;
  }

  /**
   * Copies a snapshot, unless a complete copy exists. Afterwards the trailer of the object is read back and verified.
   * @param read returns the content of the snapshot; called only when it has to be copied
   * @throws RefusalError backend_failed
   */
  async put(snapshot: KnownSnapshot, read: () => Promise<ReadSnapshot>): Promise<Copy> {
    const there = (await this.list(snapshot.volume)).find((copy) => copy.snapshot.id === snapshot.id);
    if (there !== undefined && (await this.trailerOf(there)) !== undefined) return there;
    const { stream, format, atMostBytes } = await read();
    const key = this.keyOf(snapshot, format);
    await this.objects.put(key, compressWithTrailer(stream), atMostBytes, {
      'castle-volume': snapshot.volume,
      'castle-snapshot': snapshot.id,
      'castle-taken': snapshot.taken,
      'castle-format': format,
    });
    const stored = await this.objects.find(key);
    if (stored === undefined || (await this.trailerOf(stored)) === undefined) {
      throw notWhole(key, this.place);
    }
    return { snapshot, format, ...stored };
  }

  /** @throws RefusalError not_found, backend_failed */
  async find(id: string): Promise<Copy> {
    const copy = (await this.list()).find(({ snapshot }) => snapshot.id === id);
    if (copy === undefined) throw noSuchCopy(id, this.place);
    return copy;
  }

  /**
   * Reads the content of a copy. The stream fails at its end when the content does not match the trailer.
   * @throws RefusalError backend_failed
   */
  async read(copy: Copy): Promise<Readable> {
    const trailer = await this.trailerOf(copy);
    if (trailer === undefined) throw notWhole(copy.key, this.place);
    return decompressAndVerify(await this.objects.get(copy.key), trailer);
  }

  /** Lists the copies, the oldest first; other objects are ignored. @param volume lists only copies of this volume */
  async list(volume?: string): Promise<readonly Copy[]> {
    const prefix = volume === undefined ? this.prefix : `${this.prefix}${volume}/`;
    const found = (await this.objects.list(prefix)).flatMap((object) => this.copyOf(object) ?? []);
    return found.sort((one, other) => one.snapshot.taken.localeCompare(other.snapshot.taken));
  }

  /** Deletes a copy permanently. @throws RefusalError not_found, backend_failed */
  async remove(id: string): Promise<void> {
    await this.objects.remove((await this.find(id)).key);
  }

  /** Aborts abandoned uploads. @returns how many there were */
  sweep(): Promise<number> {
    return this.objects.sweep(this.prefix, Date.now() - leftOverAfterMs);
  }

  private async trailerOf({ key, bytes }: StoredObject) {
    return bytes < trailerBytes ? undefined : readTrailer(await this.objects.end(key, trailerBytes));
  }

  private keyOf({ id, volume, taken }: KnownSnapshot, format: string): string {
    return `${this.prefix}${volume}/${taken.replaceAll(/[-:]/g, '')}_${id}.${format}.gz`;
  }

  /** Parses the key of an object; undefined when the object is not a copy of a snapshot. */
  private copyOf({ key, bytes }: StoredObject): Copy | undefined {
    const match =
      /^([A-Za-z0-9][A-Za-z0-9_.-]*)\/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3}Z)_([0-9a-f-]{36})\.([a-z0-9]+)\.gz$/.exec(
        key.slice(this.prefix.length),
      );
    if (match === null) return undefined;
    const [, volume = '', year, month, day, hour, minute, second, id = '', format = ''] = match;
    const taken = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
    return { snapshot: { id, volume, taken }, format, key, bytes };
  }
}

function noSuchCopy(id: string, place: string): RefusalError {
  return new RefusalError('not_found', `there is no copy of snapshot ${id} in ${place}`, 'see castle copies');
}

function notWhole(key: string, place: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the object ${key} in ${place} is incomplete: its trailer is missing or damaged`,
    'copy that snapshot again, or use another copy',
  );
}
