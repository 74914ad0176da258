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
  /** Where deleted volumes are kept; a backend without it deletes none. */
  readonly trash?: Trash;
}

/** Deleted volumes of a backend, each under an id of its own. Each call may be repeated after a crash. */
export interface Trash {
  /**
   * Takes a volume away from its place, whole, in one step.
   * @throws Refused busy when something is mounted on or in it, backend_failed
   */
  put(volume: string, id: string): Promise<void>;
  /**
   * Puts it back in its place, where nothing may be.
   * @throws Refused busy when something is there, backend_failed
   */
  takeBack(volume: string, id: string): Promise<void>;
  /** Whether it is in the trash. */
  has(volume: string, id: string): Promise<boolean>;
  /** Where it is in the trash: an absolute path without symlinks. */
  source(volume: string, id: string): string;
  /** Removes it for good. */
  purge(volume: string, id: string): Promise<void>;
  /** Everything that is in the trash. */
  list(): Promise<readonly { readonly volume: string; readonly id: string }[]>;
}
