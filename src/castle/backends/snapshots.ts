import type { Readable } from 'node:stream';
import type { KnownVolume, NewVolume } from './volume.ts';

/** A snapshot that was begun: what the volume had at that moment is safe from what is written later. */
export interface BegunSnapshot {
  /**
   * Resolves when it is whole and on disk, however long that takes.
   * @returns how much room it takes by itself, in bytes, when that can be told
   */
  readonly whole: Promise<{ readonly sizeBytes?: number }>;
}

/** A snapshot that is there and whole. */
export interface KnownSnapshot {
  /** A UUID; the castle's own. */
  readonly id: string;
  readonly volume: string;
  /** The volume's id, where the snapshot tells. */
  readonly volumeId?: string;
  /** When it was begun, ISO 8601, UTC. */
  readonly taken: string;
}

/** Snapshots of a backend's volumes, each under an id of its own. Each call may be repeated after a crash. */
export interface Snapshots {
  /** Whether the volume's file system has to stand still (FIFREEZE) until one is begun. */
  readonly freezes: boolean;
  /**
   * What can be done of a snapshot before the file system has to stand still for it.
   * @param limitMs how long it may stand still, in milliseconds
   * @throws RefusalError backend_failed when that would not be enough; nothing is left then
   */
  prepare?(volume: KnownVolume, id: string, taken: string, limitMs: number): Promise<void>;
  /**
   * Begins a snapshot of a volume, which may be mounted.
   * @param taken when, ISO 8601, UTC: what list says later
   * @throws RefusalError backend_failed; nothing is left of it then
   */
  begin(volume: KnownVolume, id: string, taken: string): Promise<BegunSnapshot>;
  /**
   * Takes up a snapshot that an earlier castle began and that is not whole yet. A backend whose snapshots end with the
   * castle that takes them has none.
   * @returns undefined when nothing is left of it
   */
  resume?(id: string): Promise<BegunSnapshot | undefined>;
  /** All that are whole. */
  list(): Promise<readonly KnownSnapshot[]>;
  /**
   * Makes a volume that is not there yet from a snapshot; it appears whole or not at all, and with an id of its own.
   * @throws RefusalError not_found, bad_request when the size is too small, backend_failed
   */
  createVolume(snapshot: KnownSnapshot, volume: NewVolume): Promise<void>;
  /** Removes a snapshot, whole or not, for good. */
  remove(id: string): Promise<void>;
  /**
   * What a snapshot has, as one stream, for a place off this host; a backend without it keeps its snapshots off this
   * host by itself.
   */
  readonly content?: SnapshotContent;
}

/** The content of snapshots as streams. */
export interface SnapshotContent {
  /** @throws RefusalError not_found */
  read(id: string): Promise<ReadSnapshot>;
  /**
   * Makes a snapshot of what was read once, on this host or another; whole or not at all.
   * @param format as it was read
   * @throws RefusalError bad_request when it can't be one of this backend, backend_failed
   */
  write(snapshot: KnownSnapshot, format: string, from: Readable): Promise<WrittenSnapshot>;
}

export interface ReadSnapshot {
  /** What the stream is: the type of the file system of an image, or `tar`. */
  readonly format: string;
  readonly stream: Readable;
  /** How long it can become, in bytes. */
  readonly atMostBytes: number;
}

export interface WrittenSnapshot {
  /** The id of the volume, where the content tells. */
  readonly volumeId?: string;
  /** How much room it takes by itself, in bytes. */
  readonly sizeBytes?: number;
}
