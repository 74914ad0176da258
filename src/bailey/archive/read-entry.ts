import { closeSync, constants, fstatSync, openSync, type PathLike } from 'node:fs';
import { errorCode } from '../../terminal/failure.ts';
import { readEntryFastPath } from './zip-fast-path.ts';

/**
 * The content of one file in an archive (zip, jar, hpi, war).
 * @param name its path in the archive
 * @param longestBytes what unpacks to more is an archive that wants to fill our memory, and counts as not there
 * @returns undefined when the file is no archive, or has no such entry
 * @throws the system's error when the file cannot be read
 */
export async function readEntry(file: PathLike, name: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    const content = readFastPath(file, name, maxBytes);
    return content === 'unsupported' ? await readWithYauzl(file, name, maxBytes) : content;
  } catch (thrown) {
    if (isSystemError(thrown)) throw thrown;
    return undefined;
  }
}

/** ENOENT and its like; yauzl's errors have no code, zlib's begin with Z_, Node's own with ERR_. */
const isSystemError = (thrown: unknown): boolean => /^E[A-Z0-9]+$/.test(errorCode(thrown) ?? '');

/**
 * In turn and not in other threads: what is read is in the page cache or a few pages away, and a call that waits for
 * nothing takes a tenth of the time of one that goes through a thread.
 */
function readFastPath(file: PathLike, name: string, maxBytes: number): ReturnType<typeof readEntryFastPath> {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would not open in the ordinary way
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? readEntryFastPath(fd, stat.size, name, maxBytes) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** By a library that knows every kind of archive, and says what is none. */
async function readWithYauzl(file: PathLike, name: string, maxBytes: number): Promise<Buffer | undefined> {
  const yauzl = await import('yauzl'); // here and not above: hardly any start needs it
  // Its types want a string; it does nothing but hand the path to fs.open.
  const zip = await yauzl.openPromise(file as string, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== name) continue;
      // yauzl stops an entry that unpacks to more than it says here.
      if (entry.uncompressedSize > maxBytes) return undefined;
      const chunks: Buffer[] = [];
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    }
    return undefined;
  } finally {
    zip.close();
  }
}
