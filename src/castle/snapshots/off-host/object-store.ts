import type { Readable } from 'node:stream';

/** An object in a store. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
}

/**
 * An object store. A failed operation rejects with RefusalError backend_failed, whose message names the operation and the
 * cause.
 */
export interface Objects {
  /** The address of the store, for messages. */
  readonly description: string;
  /**
   * Stores a stream as one object, completely or not at all.
   * @param atMostBytes the upper bound of the stream's length; determines the size of the parts of the upload
   * @param facts metadata of the object, for readers that use other tools than the castle
   */
  put(
    key: string,
    content: Readable,
    atMostBytes: number,
    facts: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** Returns the object with a key; undefined when there is none. */
  find(key: string): Promise<StoredObject | undefined>;
  /** Reads the last bytes of an object; all of it when it is shorter. */
  end(key: string, bytes: number): Promise<Buffer>;
  get(key: string): Promise<Readable>;
  /** Lists all objects whose keys start with the prefix. */
  list(prefix: string): Promise<readonly StoredObject[]>;
  remove(key: string): Promise<void>;
  /**
   * Aborts unfinished uploads to keys that start with the prefix.
   * @param beforeMs milliseconds since 1970; uploads that started later are kept, since another host may be working on them
   * @returns the number of aborted uploads
   */
  sweep(prefix: string, beforeMs: number): Promise<number>;
}
