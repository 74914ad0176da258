import type { Owner } from '../mounting/owner.ts';

/** An image that is open and locked. Programs work on it through its path, which leads to the same file. */
export interface HeldImage {
  readonly path: string;
  /** Open for reading and writing, and locked. */
  readonly fd: number;
  /** Whether it is a block device: no temporary file may be created beside its node. */
  readonly isDevice?: true;
}

/** The result of the check before a mount. */
export type CheckResult =
  | { readonly kind: 'clean' }
  /** Its journal was replayed, or it was damaged; it is consistent again. */
  | { readonly kind: 'corrected'; readonly how: string }
  /** It has to be repaired by a person. */
  | { readonly kind: 'damaged'; readonly why: string; readonly remedy: string };

/** What the first superblock tells about a file system. */
export interface Identity {
  readonly uuid: string;
  /** Its size; the image must not be smaller. */
  readonly sizeBytes: number;
}

/** A type of file system on a device: how to format, identify, check and enlarge it. */
export interface FileSystem {
  readonly name: 'ext4' | 'xfs';
  /** The smallest possible size, in bytes. */
  readonly leastBytes: number;
  /**
   * Checks that this host has the programs that the other members run.
   * @throws Failure config
   */
  requirePrograms(): Promise<void>;
  /**
   * Formats a new image; only called for a file that was created just before.
   * @param id becomes the UUID
   * @param owner gets the root folder
   * @throws Error with the tool's last line
   */
  format(image: HeldImage, id: string, owner: Owner): Promise<void>;
  /**
   * Reads the identity from the first superblock; repairs nothing.
   * @param start the first bytes of the image, at least superblockBytes
   * @returns undefined when there is no such superblock
   */
  identify(start: Buffer): Identity | undefined;
  /** Why this castle cannot grow one: the capability that it lacks; undefined when it can. */
  whyNoGrowth(): string | undefined;
  /**
   * Gives a copy a new UUID, after its journal was replayed. Only called for a file that was created just before.
   * @param replay has the kernel replay the journal, under the present UUID
   * @throws Error with the tool's last line
   */
  changeUuid(image: HeldImage, id: string, replay: () => Promise<void>): Promise<void>;
  /**
   * Grows a copy to the size of its image; a type that grows only while mounted does so at the next mount.
   * @throws Error with the tool's last line
   */
  enlarge(image: HeldImage): Promise<void>;
  /** Prepares it for a mount; repairs only what needs no decision by a person. */
  check(image: HeldImage): Promise<CheckResult>;
}

/** The first bytes of an image that contain the first superblock of every type. */
export const superblockBytes = 2048;

/** A UUID of 16 bytes as people write it. */
export function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
