import { type PathLike, statSync } from 'node:fs';
import { errorCode } from '../failure.ts';

/**
 * The content of one file in an archive (zip, jar, hpi, war).
 * @param name its path in the archive
 * @param longestBytes what unpacks to more is an archive that wants to fill our memory, and counts as not there
 * @returns undefined when the file is no archive, or has no such entry
 * @throws the system's error when the file cannot be read
 */
export async function readEntry(
  file: PathLike,
  name: string,
  longestBytes: number,
): Promise<Buffer | undefined> {
  if (!statSync(file).isFile()) return undefined; // a pipe would never open
  try {
    return await findEntry(file, name, longestBytes);
  } catch (thrown) {
    if (isSystemError(thrown)) throw thrown;
    return undefined;
  }
}

/** ENOENT and its like; yauzl's errors have no code, zlib's begin with Z_, Node's own with ERR_. */
const isSystemError = (thrown: unknown): boolean => /^E[A-Z0-9]+$/.test(errorCode(thrown) ?? '');

async function findEntry(file: PathLike, name: string, longestBytes: number): Promise<Buffer | undefined> {
  const yauzl = await import('yauzl'); // here and not above: most starts open no archive
  // Its types want a string; it does nothing but hand the path to fs.open.
  const zip = await yauzl.openPromise(file as string, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== name) continue;
      // yauzl stops an entry that unpacks to more than it says here.
      if (entry.uncompressedSize > longestBytes) return undefined;
      const chunks: Buffer[] = [];
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    }
    return undefined;
  } finally {
    zip.close();
  }
}
