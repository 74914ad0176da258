import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../../failure.ts';

/** One file of the reference folder. */
export interface ReferenceFile {
  readonly path: string;
  readonly stat: Stats;
  /** Path below JENKINS_HOME, without the suffix `.override`. */
  readonly name: string;
  /** It was named `*.override`: it replaces what is there. */
  readonly override: boolean;
}

const overrideSuffix = '.override';

/**
 * Lists the regular files of the reference folder, also those behind symlinks; empty folders and what is neither are
 * left out. Where there are `x` and `x.override`, the latter wins.
 * @param folder a folder that does not exist has no files
 * @param skip told of each symlink that leads nowhere or in a circle
 * @throws the system's error when a folder cannot be read
 */
export function listReferenceFiles(
  folder: string,
  skip: (path: string, reason: string) => void,
): ReferenceFile[] {
  const found = new Map<string, ReferenceFile>();
  const add = (file: ReferenceFile): void => {
    if (file.override || !found.has(file.name)) found.set(file.name, file);
  };
  const walk = (path: string, prefix: string, above: readonly string[]): void => {
    const real = realpathSync(path);
    if (above.includes(real)) {
      skip(path, 'a symlink that leads in a circle');
      return;
    }
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        walk(child, `${prefix}${entry.name}/`, [...above, real]);
        continue;
      }
      if (!entry.isFile() && !entry.isSymbolicLink()) continue;
      const stat = statSync(child, { throwIfNoEntry: false });
      if (stat === undefined) skip(child, 'a symlink that leads nowhere');
      else if (stat.isDirectory()) walk(child, `${prefix}${entry.name}/`, [...above, real]);
      else if (stat.isFile()) {
        const override = entry.name.endsWith(overrideSuffix) && entry.name !== overrideSuffix;
        const name = prefix + (override ? entry.name.slice(0, -overrideSuffix.length) : entry.name);
        add({ path: child, stat, name, override });
      }
    }
  };
  try {
    walk(folder, '', []);
  } catch (thrown) {
    if (errorCode(thrown) !== 'ENOENT' || statSync(folder, { throwIfNoEntry: false }) !== undefined)
      throw thrown;
  }
  return [...found.values()];
}
