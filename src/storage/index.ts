import type { Lease } from '../contract.ts';

/** What `bailey` needs to know to ask a castle for storage. */
export interface StorageRequest {
  /** `unix:///run/castle/castle.sock` or `https://host:port` */
  readonly url: string;
  readonly volume: string;
  /** Mount point, an absolute path of an existing folder. */
  readonly target: string;
  /** How long to go on trying, in milliseconds. */
  readonly deadlineMs: number;
  /** https: a file with the token of this container. */
  readonly tokenFile?: string;
  /** https: a file with the certificates to trust instead of the system's. */
  readonly caFile?: string;
}

/** Storage that is there: verified to be mounted on the target. */
export interface Storage {
  readonly lease: Lease;
  /** Gives the storage back: unmounts it and ends the lease. Never throws; the castle notices our end anyway. */
  release(): Promise<void>;
}

/**
 * Asks the castle for storage and returns when it is mounted on the target.
 * @param say prints one line of progress
 * @param signal aborts the waiting; what was given by then is given back before the promise rejects with the
 *   signal's reason
 * @throws Failure 69 castle not reachable, 75 volume still in use at the deadline, 77 refused, 78 wrong setting
 */
export async function acquireStorage(
  request: StorageRequest,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Storage> {
  throw new Error(`${request.url} ${say.name} ${signal.aborted}`);
}
