import type { SourceFolder } from '../../linux/mountinfo.ts';

/** The deleted volumes of a backend, each under an id of its own. Every call may be repeated after a crash. */
export interface Trash {
  /**
   * Moves a volume into the trash, in one step.
   * @throws RefusalError busy when something is mounted on or in it, backend_failed
   */
  put(volume: string, id: string): Promise<void>;
  /**
   * Moves it back.
   * @throws RefusalError busy when a volume of that name exists, backend_failed
   */
  restore(volume: string, id: string): Promise<void>;
  /** Whether it is in the trash. */
  has(volume: string, id: string): Promise<boolean>;
  /**
   * How mountinfo shows the deleted volume where it is mounted.
   * @returns undefined when it is not in the trash, cannot be mounted anywhere now, or `purge` itself refuses a volume in use
   * @throws RefusalError busy when it cannot be determined
   */
  source(volume: string, id: string): Promise<SourceFolder | undefined>;
  /** Removes it for good. */
  purge(volume: string, id: string): Promise<void>;
  list(): Promise<readonly TrashEntry[]>;
}

/** A deleted volume as its backend knows it. */
export interface TrashEntry {
  readonly volume: string;
  /** The id of the entry in the trash. */
  readonly id: string;
  /** The id that it had as a volume, where the stored data tells it. */
  readonly volumeId?: string;
}
