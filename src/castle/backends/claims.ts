/** Who has a volume that several hosts reach. */
export interface Claim {
  /** The name of the host. */
  readonly host: string;
  /** When it was claimed, ISO 8601, UTC; empty when the claim doesn't say. */
  readonly since: string;
}

/** Where volumes are claimed by hosts, so that no two of them mount one; leases are about one host only. */
export interface Claims {
  /** @throws RefusalError backend_failed */
  holder(volume: string): Promise<Claim | undefined>;
  /**
   * Takes a claim away from whoever has it: for a host that is gone for good. If it lives, both write into the volume.
   * @returns whose it was; undefined when nobody had one
   * @throws RefusalError backend_failed
   */
  breakOpen(volume: string): Promise<Claim | undefined>;
}
