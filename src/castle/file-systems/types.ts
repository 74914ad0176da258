import { ext4 } from './ext4.ts';
import type { FileSystem } from './file-system.ts';
import { xfs } from './xfs.ts';

const types: Readonly<Record<string, FileSystem>> = { ext4, xfs };

/** Returns a file system type by its name; undefined for an unknown type. */
export function findFileSystem(type: string): FileSystem | undefined {
  return Object.hasOwn(types, type) ? types[type] : undefined;
}

/** Returns a file system type by its name. @throws Error for an unknown type */
export function fileSystemNamed(type: string): FileSystem {
  const known = findFileSystem(type);
  if (known === undefined) throw new Error(`unknown file system type ${type}`);
  return known;
}
