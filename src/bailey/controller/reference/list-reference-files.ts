import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { errorCode } from '../../../terminal/failure.ts';
import { type BytePath, below, isPart, keyOf } from './byte-path.ts';

/** One file of the reference directory. */
export interface ReferenceFile {
  readonly path: BytePath;
  readonly stat: Stats;
  /** Path below JENKINS_HOME, without the suffix `.override`. */
  readonly place: BytePath;
  /** The same path as a string, for messages and rules. */
  readonly name: string;
  /** Whether the file is named `*.override`, so that it replaces an existing file. */
  readonly override: boolean;
}

const overrideSuffix = Buffer.from('.override');

/**
 * Lists the regular files of the reference directory, following symlinks; empty directories and special files are left
 * out. `x.override` takes precedence over `x`.
 * @param folder a missing directory counts as empty
 * @param skip called for each dangling or circular symlink, and for partial files of an interrupted start
 * @throws the system's error when a folder cannot be read
 */
export function listReferenceFiles(
  folder: string,
  skip: (path: string, reason: string) => void,
): ReferenceFile[] {
  const found = new Map<string, ReferenceFile>();
  const add = (file: ReferenceFile): void => {
    const key = keyOf(file.place);
    if (file.override || !found.has(key)) found.set(key, file);
  };
  const walk = (path: BytePath, place: BytePath | undefined, above: readonly string[]): void => {
    const real = keyOf(realpathSync.native(path, 'buffer'));
    if (above.includes(real)) {
      skip(path.toString(), 'a circular symlink');
      return;
    }
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
      const child = below(path, entry.name);
      const childPlace = place === undefined ? entry.name : below(place, entry.name);
      if (entry.isDirectory()) {
        walk(child, childPlace, [...above, real]);
        continue;
      }
      if (!entry.isFile() && !entry.isSymbolicLink()) continue;
      if (isPart(entry.name)) {
        skip(child.toString(), 'a partial copy of an interrupted start');
        continue;
      }
      const stat = statTarget(child);
      if (typeof stat === 'string') skip(child.toString(), stat);
      else if (stat.isDirectory()) walk(child, childPlace, [...above, real]);
      else if (stat.isFile()) add({ path: child, stat, ...nameOf(entry.name, childPlace) });
    }
  };
  try {
    walk(Buffer.from(folder), undefined, []);
  } catch (thrown) {
    if (errorCode(thrown) !== 'ENOENT' || statSync(folder, { throwIfNoEntry: false }) !== undefined)
      throw thrown;
  }
  return [...found.values()];
}

/** Returns the stat of the path's target, or why the target cannot be reached. */
function statTarget(path: BytePath): Stats | string {
  try {
    return statSync(path);
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'a dangling symlink';
    if (code === 'ELOOP') return 'a circular symlink';
    throw thrown;
  }
}

function nameOf(entry: BytePath, place: BytePath): Pick<ReferenceFile, 'place' | 'name' | 'override'> {
  const override =
    entry.length > overrideSuffix.length && entry.subarray(-overrideSuffix.length).equals(overrideSuffix);
  const plain = override ? place.subarray(0, -overrideSuffix.length) : place;
  return { place: plain, name: plain.toString(), override };
}
