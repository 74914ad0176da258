/** The claim of a host on a volume that several hosts can reach. */
export interface Claim {
  /** The name of the host. */
  readonly host: string;
  /** When the volume was claimed, ISO 8601, UTC; empty when the claim does not contain the time. */
  readonly since: string;
}

/** Claims of hosts on volumes, which prevent that two hosts mount the same volume. Leases only cover a single host. */
export interface Claims {
  /** Returns the claim on a volume. @throws RefusalError backend_failed */
  holder(volume: string): Promise<Claim | undefined>;
  /**
   * Discards the claim of a host that no longer exists. If that host still runs, both hosts may write to the volume.
   * @returns the discarded claim; undefined when there was none
   * @throws RefusalError backend_failed
   */
  discard(volume: string): Promise<Claim | undefined>;
}
