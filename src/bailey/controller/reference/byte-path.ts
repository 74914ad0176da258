/**
 * Paths in bytes. To Linux a file's name is bytes, and in an image they need not be UTF-8 (an archive unpacked with
 * another encoding): as text, such a name leads nowhere.
 */
export type BytePath = Buffer;

const slash = '/'.charCodeAt(0);

/** A path below a folder. */
export const below = (folder: BytePath | string, path: BytePath | string): BytePath =>
  Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(path)]);

/** The path with something at its end. */
export const withSuffix = (path: BytePath, suffix: string): BytePath =>
  Buffer.concat([path, Buffer.from(suffix)]);

/** The folder that an absolute path is in. */
export const folderOf = (path: BytePath): BytePath => path.subarray(0, Math.max(1, path.lastIndexOf(slash)));

/** For comparing: another text for each other path, which UTF-8 is not. */
export const keyOf = (path: BytePath): string => path.toString('latin1');

/** The name in the same folder under which a file is written before it gets its own. */
export const partOf = (target: BytePath): BytePath => Buffer.concat([target, partSuffix]);

/** Whether a file has such a name. */
export const isPart = (path: BytePath): boolean =>
  path.length >= partSuffix.length && path.subarray(-partSuffix.length).equals(partSuffix);

const partSuffix = Buffer.from('.bailey-part');
