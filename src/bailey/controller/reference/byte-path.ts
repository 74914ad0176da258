/**
 * A path as bytes. File names on Linux are bytes and need not be UTF-8 (for example from an archive with another
 * encoding); such a name does not survive a conversion to a string.
 */
export type BytePath = Buffer;

const slash = '/'.charCodeAt(0);

/** Joins a directory and a relative path. */
export const below = (folder: BytePath | string, path: BytePath | string): BytePath =>
  Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(path)]);

/** Appends a suffix. */
export const withSuffix = (path: BytePath, suffix: string): BytePath =>
  Buffer.concat([path, Buffer.from(suffix)]);

/** Returns the parent directory of an absolute path. */
export const folderOf = (path: BytePath): BytePath => path.subarray(0, Math.max(1, path.lastIndexOf(slash)));

/** Returns a string for comparisons, different for different paths; UTF-8 decoding would not guarantee that. */
export const keyOf = (path: BytePath): string => path.toString('latin1');

/** Returns the temporary name, in the same directory, under which a file is written before it is renamed. */
export const partOf = (target: BytePath): BytePath => Buffer.concat([target, partSuffix]);

/** Whether a file has a temporary name. */
export const isPart = (path: BytePath): boolean =>
  path.length >= partSuffix.length && path.subarray(-partSuffix.length).equals(partSuffix);

const partSuffix = Buffer.from('.bailey-part');
