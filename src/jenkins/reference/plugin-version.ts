import { errorCode } from '../../failure.ts';

/**
 * The Plugin-Version in the manifest of a plug-in's archive.
 * @returns an empty string when the file is no archive or its manifest says nothing: older than every version
 * @throws the system's error when the file cannot be read
 */
export async function readPluginVersion(file: string): Promise<string> {
  try {
    return /^Plugin-Version:[ \t]*(.*?)[ \t]*$/m.exec(await readManifest(file))?.[1] ?? '';
  } catch (thrown) {
    const code = errorCode(thrown);
    const noArchive = code === undefined || code.startsWith('Z_') || code === 'EISDIR'; // yauzl's errors have no code
    if (noArchive) return '';
    throw thrown;
  }
}

/** The text of META-INF/MANIFEST.MF with its long lines put together again; empty when there is none. */
async function readManifest(file: string): Promise<string> {
  const yauzl = await import('yauzl'); // here and not above: most starts open no archive
  const zip = await yauzl.openPromise(file, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== 'META-INF/MANIFEST.MF') continue;
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
