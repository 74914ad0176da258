/**
 * What a castle leaves at the moment of its death, as a hash. A castle that starts afterwards knows nothing else: two
 * deaths that leave the same image have the same recovery.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf } from '../../kit/namespace.ts';
import { loopsOf } from '../backends/loop/loop-host.ts';
import type { CastleOnHost } from '../kit/castle-on-host.ts';

/** Files up to this size are compared by their content, larger ones by size and times. */
const smallBytes = 1 << 20;

/**
 * LMDB's two meta pages. It never overwrites a page that the newer one of them reaches (copy on write), so until one of
 * them changes, a castle that opens the store finds what it found before.
 */
const metaPagesBytes = 2 * 4096;

/** Where to look. */
export interface ImageSources {
  readonly castle: CastleOnHost;
  /** Process 1 of each container. */
  readonly containers: readonly number[];
  /** What is stored outside of this host. */
  outside?(): Promise<unknown>;
}

/**
 * The image of a castle that is stopped.
 * @param known the children that the castle had before, which wait for work
 * @returns a hash; undefined while a program of the castle is running, whose progress is not seen
 */
export async function imageOf(
  { castle, containers, outside }: ImageSources,
  known: ReadonlySet<number>,
): Promise<string | undefined> {
  if (childrenOf(castle.pid ?? 0).some((child) => !known.has(child))) return undefined;
  const found = {
    store: metaPagesOf(join(castle.state, 'castle.lmdb')),
    state: readdirSync(castle.state).sort(),
    backend: entriesBelow(castle.backend),
    socket: readdirSync(castle.socketFolder).sort(),
    mounts: [mountsOf('self', castle), ...containers.map((pid) => mountsOf(pid, castle))],
    devices: loopsOf(castle.backend),
    outside: await outside?.(),
  };
  return createHash('sha256').update(JSON.stringify(found)).digest('hex');
}

function metaPagesOf(file: string): string {
  if (!existsSync(file)) return '';
  const pages = Buffer.alloc(metaPagesBytes);
  const descriptor = openSync(file, 'r');
  const length = readSync(descriptor, pages, 0, metaPagesBytes, 0);
  closeSync(descriptor);
  return pages.toString('base64', 0, length);
}

/** Everything below a folder, a line each: kind, owner, mode, times, and the content of small files. */
function entriesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { mode, uid, gid, size, blocks, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
      const isSmall = (Number(mode) & 0o170000) === 0o100000 && size <= smallBytes;
      const content = isSmall ? readFileSync(path).toString('base64') : '';
      return [name, mode, uid, gid, size, blocks, mtimeNs, ctimeNs, content].join(' ');
    });
}

/** What a process has mounted of the castle's: the backend's folder or devices, or anything at a container's home. */
function mountsOf(process: number | 'self', castle: CastleOnHost): readonly string[] {
  try {
    const table = readFileSync(`/proc/${process}/mountinfo`, 'utf8').split('\n');
    return process === 'self' ? table.filter((line) => line.includes(castle.backend)) : table;
  } catch {
    return ['it has ended'];
  }
}
