import type { Readable } from 'node:stream';
import type { KnownSnapshot, ReadSnapshot } from '../../backends/snapshots.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { compressWithTrailer, decompressAndVerify, readTrailer, trailerBytes } from './copy-trailer.ts';
import type { Objects, StoredObject } from './object-store.ts';

/** A copy of a snapshot in a place off this host. */
export interface Copy {
  readonly snapshot: KnownSnapshot;
  /** What its content is, as in `ext4` or `tar`. */
  readonly format: string;
  readonly key: string;
  /** How large the object is, in bytes. */
  readonly bytes: number;
}

/** What an interrupted copy has left is taken back after this, in milliseconds: none takes as long. */
const leftOverAfterMs = 24 * 3_600_000;

/**
 * Copies of snapshots off this host, one object each: VOLUME/TIME_ID.FORMAT.gz. What there is is read from the store, not
 * from the castle's state: so another host finds the copies of one that burnt down.
 */
export class Copies {
  constructor(
    private readonly objects: Objects,
    private readonly prefix: string,
  ) {}

  /** For people: where they are. */
  get place(): string {
    return this.objects.description;
  }

  /**
   * Copies a snapshot, unless that is done. The object is read back up to its trailer before it counts.
   * @param read gives its content; only called when there is something to copy
   * @throws RefusalError backend_failed; nothing is left of it then
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
   * The content of a copy; the stream fails at its end when it is not what was put there.
   * @throws RefusalError backend_failed
   */
  async read(copy: Copy): Promise<Readable> {
    const trailer = await this.trailerOf(copy);
    if (trailer === undefined) throw notWhole(copy.key, this.place);
    return decompressAndVerify(await this.objects.get(copy.key), trailer);
  }

  /** All that have the name of one; the oldest first. @param volume only those of this one */
  async list(volume?: string): Promise<readonly Copy[]> {
    const prefix = volume === undefined ? this.prefix : `${this.prefix}${volume}/`;
    const found = (await this.objects.list(prefix)).flatMap((object) => this.copyOf(object) ?? []);
    return found.sort((one, other) => one.snapshot.taken.localeCompare(other.snapshot.taken));
  }

  /** Removes a copy for good. @throws RefusalError not_found, backend_failed */
  async remove(id: string): Promise<void> {
    await this.objects.remove((await this.find(id)).key);
  }

  /** Takes back what was left half written long ago. */
  sweep(): Promise<number> {
    return this.objects.sweep(this.prefix, Date.now() - leftOverAfterMs);
  }

  private async trailerOf({ key, bytes }: StoredObject) {
    return bytes < trailerBytes ? undefined : readTrailer(await this.objects.end(key, trailerBytes));
  }

  private keyOf({ id, volume, taken }: KnownSnapshot, format: string): string {
    return `${this.prefix}${volume}/${taken.replaceAll(/[-:]/g, '')}_${id}.${format}.gz`;
  }

  /** What a key says; undefined for keys that are not ours. */
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
    `the object ${key} in ${place} is not whole: its end is missing or was changed`,
    'copy that snapshot again; another one may be whole',
  );
}
