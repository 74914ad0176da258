/** Numeric owner on disk. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Where volumes live. Each call may be repeated after a crash: doing it twice is doing it once. */
export interface Backend {
  /** What it is called in `--backend` and in the store. */
  readonly name: string;
  /** For people: what and where. */
  readonly description: string;
  /**
   * Creates the volume when it isn't there; existing data is kept as it is, its owner too.
   * @throws Refused backend_failed when it can't
   */
  create(volume: string, owner: Owner): Promise<void>;
  /**
   * Takes back a volume that nothing was ever written to.
   * @returns whether it is gone; false when there is something in it
   */
  discardEmpty(volume: string): Promise<boolean>;
  /** Whether the volume is there, whole. */
  exists(volume: string): Promise<boolean>;
  /** The host folder below which all volumes are, an absolute path without symlinks. */
  readonly base: string;
  /** The host folder to mount, an absolute path without symlinks. */
  source(volume: string): string;
  /** Removes what an interrupted create left behind. */
  sweep(): Promise<void>;
}
