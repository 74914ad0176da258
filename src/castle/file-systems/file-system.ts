import type { Owner } from '../mounting/owner.ts';

/** An image that is open and locked. Programs access it by its path, which leads to the same file. */
export interface HeldImage {
  readonly path: string;
  /** Open for reading and writing, and locked. */
  readonly fd: number;
  /** Whether the image is a block device: no temporary file may be created next to a device node. */
  readonly isDevice?: true;
}

/** The result of the check before a mount. */
export type CheckResult =
  | { readonly kind: 'clean' }
  /** The journal was replayed, or damage was repaired; the file system is consistent again. */
  | { readonly kind: 'corrected'; readonly how: string }
  /** An administrator has to repair the file system. */
  | { readonly kind: 'damaged'; readonly why: string; readonly remedy: string };

/** The identity of a file system, from its first superblock. */
export interface Identity {
  readonly uuid: string;
  /** The size of the file system, in bytes; the image must not be smaller. */
  readonly sizeBytes: number;
}

/** A file system type: how to format, identify, check and enlarge an image with it. */
export interface FileSystem {
  readonly name: 'ext4' | 'xfs';
  /** The minimum size, in bytes. */
  readonly leastBytes: number;
  /**
   * Checks that this host has the programs that the other members run.
   * @throws Failure config
   */
  requirePrograms(): Promise<void>;
  /**
   * Formats a new image; only called for a file that was just created.
   * @param id the UUID of the file system
   * @param owner the owner of its root folder
   * @throws Error with the program's last line of output
   */
  format(image: HeldImage, id: string, owner: Owner): Promise<void>;
  /**
   * Reads the identity from the first superblock, without repairs.
   * @param start the first bytes of the image, at least superblockBytes
   * @returns undefined when there is no valid superblock of this type
   */
  identify(start: Buffer): Identity | undefined;
  /** Returns why this castle cannot grow a file system of this type, with the missing capability(7); undefined when it can. */
  whyNoGrowth(): string | undefined;
  /**
   * Gives a copy a new UUID, after replaying its journal. Only called for a file that was just created.
   * @param replay makes the kernel replay the journal, under the present UUID
   * @throws Error with the program's last line of output
   */
  changeUuid(image: HeldImage, id: string, replay: () => Promise<void>): Promise<void>;
  /**
   * Grows a copy to the size of its image. A type that grows only while mounted grows at the next mount.
   * @throws Error with the program's last line of output
   */
  enlarge(image: HeldImage): Promise<void>;
  /** Prepares a file system for a mount; makes only repairs that need no decision by an administrator. */
  check(image: HeldImage): Promise<CheckResult>;
}

/** The number of bytes at the start of an image that contain the first superblock of every type. */
export const superblockBytes = 2048;

/** Formats the 16 bytes of a UUID as text. */
export function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
