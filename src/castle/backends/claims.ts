/** The claim of a host on a volume that several hosts can reach. */
export interface Claim {
  /** The name of the host. */
  readonly host: string;
  /** When it was claimed, ISO 8601, UTC; empty when the claim does not tell. */
  readonly since: string;
}

/** Claims of hosts on volumes, so that two hosts never mount the same one. Leases are about a single host. */
export interface Claims {
  /** @throws RefusalError backend_failed */
  holder(volume: string): Promise<Claim | undefined>;
  /**
   * Removes the claim of a host that is gone for good. If that host is alive, both write to the volume.
   * @returns the claim that was removed; undefined when there was none
   * @throws RefusalError backend_failed
   */
  forceRelease(volume: string): Promise<Claim | undefined>;
}
