import { realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode, Failure } from '../../terminal/failure.ts';

/** A folder in which the castle has something of its own. */
export interface OwnFolder {
  /** The option that says where it is. */
  readonly option: string;
  /** It need not be there yet. */
  readonly folder: string;
}

/**
 * Sees to it that nothing of the castle's own lies among the volumes: a folder there is a volume by its name, and a
 * container that has the volume `state` would have the castle's store and its keys.
 * @param base the folder of the volumes, without symlinks
 * @throws Failure config
 */
export function keepApart(base: string, own: readonly OwnFolder[]): void {
  for (const { option, folder } of own) {
    const path = withoutSymlinks(resolve(folder));
    if (!isWithin(path, base)) continue;
    throw new Failure(
      'config',
      `${option} is in the folder of the volumes, ${base}: a container could have ${path} as its volume`,
      `give another ${option}, or the volumes a folder of their own`,
    );
  }
}

/** Whether a path is a folder or something in it, also where the folder is mounted once more. */
function isWithin(path: string, folder: string): boolean {
  const { dev, ino } = statSync(folder);
  for (let at = path; ; at = dirname(at)) {
    const there = look(at);
    if (there?.dev === dev && there.ino === ino) return true;
    if (dirname(at) === at) return false;
  }
}

/** What cannot be looked at is not there yet, or cannot be: that is said when it is made. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Where a path leads, or would once it is there. */
function withoutSymlinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (thrown) {
    // What is wrong with it otherwise is said when it is made.
    if (errorCode(thrown) !== 'ENOENT' || dirname(path) === path) return path;
    return join(withoutSymlinks(dirname(path)), basename(path));
  }
}
