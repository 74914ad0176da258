import type { PathLike } from 'node:fs';
import { readEntry } from './read-entry.ts';

/** Far larger than any manifest. */
const maxBytes = 1024 * 1024;

/**
 * Reads one attribute of the main section of an archive's manifest (JAR file specification).
 * @param name for example `Plugin-Version` or `Main-Class`; it must not contain special characters of regular expressions
 * @returns undefined when the file is not an archive, or its manifest lacks the attribute
 * @throws the system's error when the file cannot be read
 */
export async function readManifestAttribute(file: PathLike, name: string): Promise<string | undefined> {
  const bytes = await readEntry(file, 'META-INF/MANIFEST.MF', maxBytes);
  // Lines have at most 72 bytes; a continuation line begins with a space.
  const text = bytes?.toString('utf8').replaceAll('\r\n', '\n').replaceAll('\n ', '') ?? '';
  return new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]?.trim();
}
