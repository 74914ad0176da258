import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifestAttribute } from '../../archive/manifest-attribute.ts';
import { accessFailure } from '../../container/folder-access.ts';
import { fetchedJarName, isFetchedJarName } from './fetched-jar-name.ts';

/** A jar fetched from a URL, and the validators that its server sent. */
export interface CachedJar {
  /** Absolute path of the jar. */
  readonly jar: string;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** Partial files of killed starts are removed at this age, in milliseconds. */
const abandonedAfterMs = 3_600_000;

/**
 * Returns the jar that was last fetched from a URL. The file name is a hash of the content, so a damaged jar is not used, and
 * record and jar match even if several processes fetch at the same time. Older jars are kept, because a running agent may
 * have to exec itself again with its jar.
 */
export function findCachedJar(folder: string, url: URL): CachedJar | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(recordPath(folder, url), 'utf8'));
    if (!isRecord(record)) return undefined;
    const { name, etag, lastModified } = record;
    const jar = join(folder, name);
    if (jarName(readFileSync(jar)) !== name) return undefined;
    return {
      jar,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
  } catch {
    return undefined; // missing or damaged: it is fetched again
  }
}

/**
 * Stores a jar atomically.
 * @returns its path; undefined when it is not a jar that `java -jar` can run
 * @throws Failure 73, 74 or 77 when it cannot be written
 */
export async function cacheJar(
  folder: string,
  url: URL,
  content: Buffer,
  validators: { readonly etag?: string | undefined; readonly lastModified?: string | undefined },
): Promise<string | undefined> {
  removeAbandonedParts(folder);
  const name = jarName(content);
  const jar = join(folder, name);
  const isJar = await writeFile(jar, content, async (part) => {
    return (await readManifestAttribute(part, 'Main-Class')) !== undefined;
  });
  if (!isJar) return undefined;
  const record = JSON.stringify({ url: url.href, name, ...validators });
  await writeFile(recordPath(folder, url), Buffer.from(record), () => Promise.resolve(true));
  return jar;
}

const hash = (content: Buffer | string): string =>
  createHash('sha256').update(content).digest('hex').slice(0, 32);

const jarName = (content: Buffer): string => fetchedJarName(hash(content));
const recordPath = (folder: string, url: URL): string => join(folder, `${hash(url.href)}.json`);

function isRecord(
  value: unknown,
): value is { readonly name: string; readonly etag?: string; readonly lastModified?: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { name, etag, lastModified } = value as Record<string, unknown>;
  const isText = (field: unknown): boolean => field === undefined || typeof field === 'string';
  return typeof name === 'string' && isFetchedJarName(name) && isText(etag) && isText(lastModified);
}

/** Writes a temporary file, syncs it, checks it and renames it. */
async function writeFile(
  target: string,
  content: Buffer,
  isValid: (part: string) => Promise<boolean>,
): Promise<boolean> {
  const part = `${target}.${randomUUID()}.part`;
  try {
    const file = await open(part, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    const valid = await isValid(part);
    if (valid) renameSync(part, target);
    return valid;
  } catch (thrown) {
    throw accessFailure('', target, thrown, 'be written');
  } finally {
    rmSync(part, { force: true });
  }
}

function removeAbandonedParts(folder: string): void {
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.part')))
    try {
      if (Date.now() - statSync(join(folder, name)).mtimeMs > abandonedAfterMs) rmSync(join(folder, name));
    } catch {
      // another process has removed it
    }
}
