import type { Owner } from '../backends/backend.ts';

/** An image that is held: what is done to it through its path is done to the file that the descriptor keeps. */
export interface HeldImage {
  readonly path: string;
  /** Open for reading and writing, and locked. */
  readonly fd: number;
  /** Whether it is a block device: nothing else may be laid beside its node then. */
  readonly isDevice?: true;
}

/** What the look at a file system before a mount came to. */
export type CheckResult =
  | { readonly kind: 'clean' }
  /** It was left in the middle of something, or was damaged, and is right again. */
  | { readonly kind: 'corrected'; readonly how: string }
  /** Only somebody who looks at it can decide what to do. */
  | { readonly kind: 'damaged'; readonly why: string; readonly remedy: string };

/** What the first superblock says of a file system. */
export interface Identity {
  readonly uuid: string;
  /** How large it is; its image must not be smaller. */
  readonly sizeBytes: number;
}

/** A kind of file system on a device: its making, its identity and its health. */
export interface FileSystem {
  readonly name: 'ext4' | 'xfs';
  /** The smallest that can be made, in bytes. */
  readonly leastBytes: number;
  /**
   * Checks that this host has the programs that the other members run.
   * @throws Failure config
   */
  requirePrograms(): Promise<void>;
  /**
   * Formats a new image: once in its life, and only ever called for a file that was made just before.
   * @param id becomes the UUID
   * @param owner gets the root folder
   * @throws Error with the tool's last line
   */
  format(image: HeldImage, id: string, owner: Owner): Promise<void>;
  /**
   * Who it is, by its first superblock; nothing is repaired.
   * @param start the first bytes of the image, at least superblockBytes
   * @returns undefined when there is no such superblock
   */
  identify(start: Buffer): Identity | undefined;
  /** Why this castle cannot let one grow, if it can't: the kernel asks for a right that it doesn't have. */
  whyNoGrowth(): string | undefined;
  /**
   * Gives a copy a UUID of its own; what its journal has is in place then. Only ever called for a file that was made just
   * before.
   * @param replay lets the kernel replay the journal, under the UUID that it has now
   * @throws Error with the tool's last line
   */
  changeUuid(image: HeldImage, id: string, replay: () => Promise<void>): Promise<void>;
  /**
   * Lets a copy take up the room that its image has got; where it can't without being mounted, the next mount does it.
   * @throws Error with the tool's last line
   */
  enlarge(image: HeldImage): Promise<void>;
  /** Brings it to where it can be mounted; what changed no data by itself is not decided here. */
  check(image: HeldImage): Promise<CheckResult>;
}

/** As much as every file system's first superblock needs, from the beginning, in bytes. */
export const superblockBytes = 2048;

/** A UUID of 16 bytes as people write it. */
export function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
