import type { PathLike } from 'node:fs';
import { readEntry } from './read-entry.ts';

/** Far more than any manifest has. */
const maxBytes = 1024 * 1024;

/**
 * One attribute of the main section of an archive's manifest (JAR file specification).
 * @param name for example `Plugin-Version` or `Main-Class`; it has nothing that a regular expression obeys
 * @returns undefined when the file is no archive, or its manifest does not say
 * @throws the system's error when the file cannot be read
 */
export async function readManifestAttribute(file: PathLike, name: string): Promise<string | undefined> {
  const bytes = await readEntry(file, 'META-INF/MANIFEST.MF', maxBytes);
  // A line of a manifest has at most 72 bytes; the next one goes on with a blank.
  const text = bytes?.toString('utf8').replaceAll('\r\n', '\n').replaceAll('\n ', '') ?? '';
  return new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]?.trim();
}
