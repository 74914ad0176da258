import { type PathLike, statSync } from 'node:fs';
import { errorCode } from '../../failure.ts';

/** Far more than any manifest has; what is beyond is an archive that wants to fill our memory. */
const longestManifest = 1024 * 1024;

/**
 * The Plugin-Version in the manifest of a plug-in's archive.
 * @returns an empty string when the file is no archive or its manifest says nothing: older than every version
 * @throws the system's error when the file cannot be read
 */
export async function readPluginVersion(file: PathLike): Promise<string> {
  if (!statSync(file).isFile()) return ''; // a pipe would never open
  try {
    return /^Plugin-Version:[ \t]*(.*?)[ \t]*$/m.exec(await readManifest(file))?.[1] ?? '';
  } catch (thrown) {
    if (isSystemError(thrown)) throw thrown;
    return '';
  }
}

/** ENOENT and its like; yauzl's errors have no code, zlib's begin with Z_, Node's own with ERR_. */
const isSystemError = (thrown: unknown): boolean => /^E[A-Z0-9]+$/.test(errorCode(thrown) ?? '');

/** The text of META-INF/MANIFEST.MF with its long lines put together again; empty when there is none. */
async function readManifest(file: PathLike): Promise<string> {
  const yauzl = await import('yauzl'); // here and not above: most starts open no archive
  // Its types want a string; it does nothing but hand the path to fs.open.
  const zip = await yauzl.openPromise(file as string, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== 'META-INF/MANIFEST.MF') continue;
      // yauzl stops an entry that unpacks to more than it says here.
      if (entry.uncompressedSize > longestManifest) return '';
      const chunks: Buffer[] = [];
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      // A line of a manifest has at most 72 bytes; the next one goes on with a blank (JAR file specification).
      return Buffer.concat(chunks).toString('utf8').replaceAll('\r\n', '\n').replaceAll('\n ', '');
    }
    return '';
  } finally {
    zip.close();
  }
}
