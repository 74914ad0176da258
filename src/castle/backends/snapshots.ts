import type { Readable } from 'node:stream';
import type { KnownVolume, NewVolume } from './volume.ts';

/** A snapshot that was begun: what the volume had at that moment is safe from what is written later. */
export interface BegunSnapshot {
  /**
   * Resolves when it is whole and on disk, however long that takes.
   * @returns how much room it takes by itself, in bytes, when that can be told
   */
  readonly completed: Promise<{ readonly sizeBytes?: number }>;
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

/**
 * Snapshots of a backend's volumes, each under an id of its own. Every member is mandatory; a capability is null where the
 * backend lacks it. Every call may be repeated after a crash.
 */
export interface Snapshots {
  /** A mounted file system is frozen (FIFREEZE, ioctl_fs(2)) until the snapshot is begun; null where it need not be. */
  readonly freeze: FreezePreparation | null;
  /**
   * Begins a snapshot of a volume, which may be mounted.
   * @param taken when, ISO 8601, UTC: what list says later
   * @throws RefusalError backend_failed; nothing is left of it then
   */
  begin(volume: KnownVolume, id: string, taken: string): Promise<BegunSnapshot>;
  /**
   * Continues a snapshot that an earlier castle began and that is not complete yet.
   * @returns undefined when there is no such snapshot, or this backend's snapshots end with the castle that takes them
   */
  resume(id: string): Promise<BegunSnapshot | undefined>;
  /** All that are whole. */
  list(): Promise<readonly KnownSnapshot[]>;
  /**
   * Makes a volume that is not there yet from a snapshot; it appears whole or not at all, and with an id of its own.
   * @throws RefusalError not_found, bad_request when the size is too small, backend_failed
   */
  createVolume(snapshot: KnownSnapshot, volume: NewVolume): Promise<void>;
  /** Removes a snapshot, whole or not, for good. */
  remove(id: string): Promise<void>;
  /** Content of snapshots as streams, for copies off this host; null where the storage is off this host anyway. */
  readonly content: SnapshotContent | null;
}

/** What a backend does before a file system is frozen, to keep the freeze short. */
export interface FreezePreparation {
  /**
   * Does the part of a snapshot that can be done while the volume is still written to.
   * @param limitMs how long the file system may stay frozen, in milliseconds
   * @throws RefusalError backend_failed when the snapshot would take longer; nothing is left of it then
   */
  prepare(volume: KnownVolume, id: string, limitMs: number): Promise<void>;
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
