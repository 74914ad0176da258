/**
 * A hash of everything that a killed castle leaves behind, its image. The next castle has no other information, so two
 * kills that leave the same image lead to the same recovery.
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
 * The size of LMDB's two meta pages. LMDB copies on write and never overwrites a page that the newer meta page refers to,
 * so as long as neither meta page changes, a castle that opens the store reads the same records.
 */
const metaPagesBytes = 2 * 4096;

/** The sources of the image. */
export interface ImageSources {
  readonly castle: CastleOnHost;
  /** The pids of process 1 of each container. */
  readonly containers: readonly number[];
  /** The state of the backend that is stored outside of this host. */
  outside?(): Promise<unknown>;
}

/**
 * Computes the image of a castle that is stopped (SIGSTOP).
 * @param known the castle's child processes before the operation, which are idle
 * @returns a hash; undefined while a program that the castle runs is active, because its progress cannot be compared
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

/** Lists everything below a folder, one line for each entry: mode, owner, size, times, and the content of small files. */
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

/** The lines of a process's mountinfo: for `self` those in the backend's folder, for a container all of them. */
function mountsOf(process: number | 'self', castle: CastleOnHost): readonly string[] {
  try {
    const table = readFileSync(`/proc/${process}/mountinfo`, 'utf8').split('\n');
    return process === 'self' ? table.filter((line) => line.includes(castle.backend)) : table;
  } catch {
    return ['it has ended'];
  }
}
