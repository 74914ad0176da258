import type { Readable } from 'node:stream';

/** An object in a store. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
}

/** A store of objects by key. What fails rejects with RefusalError backend_failed, which says what and why. */
export interface Objects {
  /** For people: where. */
  readonly description: string;
  /**
   * Stores a stream as one object: it appears whole or not at all.
   * @param atMostBytes how long the stream can become: decides how it is cut into parts
   * @param facts kept beside it, for people with other tools
   */
  put(
    key: string,
    content: Readable,
    atMostBytes: number,
    facts: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** The object, or undefined. */
  find(key: string): Promise<StoredObject | undefined>;
  /** The last bytes of an object, or all that it has. */
  end(key: string, bytes: number): Promise<Buffer>;
  get(key: string): Promise<Readable>;
  /** All objects whose keys begin so. */
  list(prefix: string): Promise<readonly StoredObject[]>;
  remove(key: string): Promise<void>;
  /**
   * Takes back what interrupted puts have left of keys that begin so.
   * @param beforeMs milliseconds since 1970: what was begun later may be under way, on another host perhaps
   * @returns how many there were
   */
  sweep(prefix: string, beforeMs: number): Promise<number>;
}
