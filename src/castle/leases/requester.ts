/** Who waits for an answer. */
export interface Requester {
  /** Aborted when the answer would reach nobody. */
  readonly gone: AbortSignal;
  /** Whether the process that asked, and no later one of its number, is still alive. */
  readonly isAlive: () => boolean;
}
