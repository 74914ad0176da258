import { realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode, Failure } from '../../terminal/failure.ts';

/** A folder that holds files of the castle itself. */
export interface OwnFolder {
  /** The option that names it. */
  readonly option: string;
  /** It may not exist yet. */
  readonly folder: string;
}

/**
 * Checks that no folder of the castle itself is inside the folder of the volumes. A folder in there is a volume: a
 * container with the volume `state` would get the castle's store and keys.
 * @param base the folder of the volumes, without symlinks
 * @throws Failure config
 */
export function keepApart(base: string, own: readonly OwnFolder[]): void {
  for (const { option, folder } of own) {
    const path = withoutSymlinks(resolve(folder));
    if (!isWithin(path, base)) continue;
    throw new Failure(
      'config',
      `${option} is inside the folder of the volumes, ${base}: a container could get ${path} as its volume`,
      `choose another ${option}, or a separate folder for the volumes`,
    );
  }
}

/** Whether a path is a folder or inside it, also by another mount of the folder. */
function isWithin(path: string, folder: string): boolean {
  const { dev, ino } = statSync(folder);
  for (let at = path; ; at = dirname(at)) {
    const there = statOf(at);
    if (there?.dev === dev && there.ino === ino) return true;
    if (dirname(at) === at) return false;
  }
}

/** Returns undefined for a path that does not exist or cannot be read; the later creation reports the error. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Checks that the castle and its volume driver do not listen on the same socket.
 * @throws Failure of that kind
 */
export function keepSocketsApart(socket: string, plugin: string | undefined, kind: 'usage' | 'config'): void {
  if (plugin === undefined || withoutSymlinks(socket) !== withoutSymlinks(plugin)) return;
  throw new Failure(kind, `--socket and --plugin are the same socket, ${socket}`, 'give each its own path');
}

/** Returns a path with the symlinks in its existing part resolved. */
function withoutSymlinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (thrown) {
    // Any other error is reported when the folder is created.
    if (errorCode(thrown) !== 'ENOENT' || dirname(path) === path) return path;
    return join(withoutSymlinks(dirname(path)), basename(path));
  }
}
