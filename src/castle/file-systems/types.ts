import { ext4 } from './ext4.ts';
import type { FileSystem } from './file-system.ts';
import { xfs } from './xfs.ts';

const types: Readonly<Record<string, FileSystem>> = { ext4, xfs };

/** @returns undefined for a type that this castle doesn't know */
export function findFileSystem(type: string): FileSystem | undefined {
  return Object.hasOwn(types, type) ? types[type] : undefined;
}

/** @throws Error for a type that this castle doesn't know */
export function fileSystemNamed(type: string): FileSystem {
  const known = findFileSystem(type);
  if (known === undefined) throw new Error(`this castle knows no file system ${type}`);
  return known;
}
