import type { SourceFolder } from '../../linux/mountinfo.ts';

/**
 * The name of the folder of deleted volumes, in the folder of the volumes. It starts with a dot, unlike any volume name, and is
 * on the same file system, so that a rename moves a volume.
 */
export const trashFolderName = '.trash';

/** The deleted volumes of a backend, each with a unique id. Every call may be repeated after a crash. */
export interface Trash {
  /**
   * Moves a volume to the trash, atomically.
   * @throws RefusalError busy when something is mounted on or in the volume, backend_failed
   */
  put(volume: string, id: string): Promise<void>;
  /**
   * Restores a volume from the trash.
   * @throws RefusalError busy when a volume with that name exists, backend_failed
   */
  restore(volume: string, id: string): Promise<void>;
  /** Whether the volume is in the trash. */
  has(volume: string, id: string): Promise<boolean>;
  /**
   * Returns how mountinfo shows a mount of the deleted volume.
   * @returns undefined when the volume is not in the trash, cannot be mounted anywhere now, or `purge` itself refuses a
   *   volume in use
   * @throws RefusalError busy when it cannot be determined
   */
  source(volume: string, id: string): Promise<SourceFolder | undefined>;
  /** Removes a volume in the trash permanently. */
  purge(volume: string, id: string): Promise<void>;
  list(): Promise<readonly TrashEntry[]>;
}

/** A volume in the trash, as the backend stores it. */
export interface TrashEntry {
  readonly volume: string;
  /** The id of the entry in the trash. */
  readonly id: string;
  /** The id of the volume before its deletion, if the backend stores it. */
  readonly volumeId?: string;
}
