import { closeSync, constants, fstatSync, openSync, type PathLike } from 'node:fs';
import { errorCode } from '../../failure.ts';
import { readArchiveEntry } from './archive-entry.ts';

const manifest = 'META-INF/MANIFEST.MF';
/** Far more than any manifest has; what is beyond is an archive that wants to fill our memory. */
const longestManifest = 1024 * 1024;

/**
 * The Plugin-Version in the manifest of a plug-in's archive.
 * @returns an empty string when the file is no archive or its manifest says nothing: older than every version
 * @throws the system's error when the file cannot be read
 */
export async function readPluginVersion(file: PathLike): Promise<string> {
  try {
    return versionIn(await readManifest(file));
  } catch (thrown) {
    if (isSystemError(thrown)) throw thrown;
    return '';
  }
}

/** A version without what surrounds it, and not longer than is easily compared; no release has a hundred characters. */
export const boundedVersion = (text: string): string => text.slice(0, 512).trim();

function versionIn(content: Buffer | undefined): string {
  if (content === undefined) return '';
  // A line of a manifest has at most 72 bytes; the next one goes on with a blank (JAR file specification).
  const text = content.toString('utf8').replaceAll('\r\n', '\n').replaceAll('\n ', '');
  return boundedVersion(/^Plugin-Version:(.*)$/m.exec(text)?.[1] ?? '');
}

/** ENOENT and its like; yauzl's errors have no code, zlib's begin with Z_, Node's own with ERR_. */
const isSystemError = (thrown: unknown): boolean => /^E[A-Z0-9]+$/.test(errorCode(thrown) ?? '');

/**
 * The manifest's bytes; undefined when there is none. In turn and not in other threads: what is read is in the page cache
 * or a few pages away, and a call that waits for nothing takes a tenth of the time of one that goes through a thread.
 */
async function readManifest(file: PathLike): Promise<Buffer | undefined> {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would not open in the ordinary way
  let content: ReturnType<typeof readArchiveEntry>;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    content = readArchiveEntry(fd, stat.size, manifest, longestManifest);
  } finally {
    closeSync(fd);
  }
  return content === 'unusual' ? readUnusual(file) : content;
}

/** By a library that knows every kind of archive, and says what is none. */
async function readUnusual(file: PathLike): Promise<Buffer | undefined> {
  const yauzl = await import('yauzl'); // here and not above: hardly any start needs it
  // Its types want a string; it does nothing but hand the path to fs.open.
  const zip = await yauzl.openPromise(file as string, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== manifest) continue;
      // yauzl stops an entry that unpacks to more than it says here.
      if (entry.uncompressedSize > longestManifest) return undefined;
      const chunks: Buffer[] = [];
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    }
    return undefined;
  } finally {
    zip.close();
  }
}
