import { closeSync, constants, fstatSync, openSync, type PathLike } from 'node:fs';
import { errorCode } from '../../terminal/failure.ts';
import { readEntryFastPath } from './zip-fast-path.ts';

/**
 * Returns the content of one file in an archive (zip, jar, hpi, war).
 * @param name its path in the archive
 * @param maxBytes an entry that unpacks to more counts as missing (protection from archive bombs)
 * @returns undefined when the file is not an archive, or has no such entry
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

/** A system error such as ENOENT; errors of yauzl have no code, those of zlib begin with Z_, those of Node with ERR_. */
const isSystemError = (thrown: unknown): boolean => /^E[A-Z0-9]+$/.test(errorCode(thrown) ?? '');

/**
 * Synchronous on purpose: the data is in the page cache or a few pages away, and a call on the main thread takes a tenth
 * of the time of one that goes through the thread pool.
 */
function readFastPath(file: PathLike, name: string, maxBytes: number): ReturnType<typeof readEntryFastPath> {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // O_NONBLOCK: opening a pipe would wait for a writer
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? readEntryFastPath(fd, stat.size, name, maxBytes) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Slow path: yauzl supports every kind of archive and rejects other files. */
async function readWithYauzl(file: PathLike, name: string, maxBytes: number): Promise<Buffer | undefined> {
  const yauzl = await import('yauzl'); // dynamic: hardly any start needs it
  // Its types require a string, but it only passes the path to fs.open.
  const zip = await yauzl.openPromise(file as string, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== name) continue;
      // yauzl rejects an entry that unpacks to more than this size.
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
