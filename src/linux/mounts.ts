import { readFileSync } from 'node:fs';

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly id: number;
  /** The folder of the file system that is mounted here: for a bind mount, its path within the source's file system. */
  readonly root: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly type: string;
  readonly source: string;
}

/** Reads the mounts of this process, in the order in which they were made. */
export function readMounts(): Mount[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** @param text the content of a mountinfo file */
export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseMount);
}

/**
 * The mount that a path lies on.
 * @param path absolute and without symlinks
 */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const prefix = mount.target === '/' ? '/' : `${mount.target}/`;
    const covers = path === mount.target || path.startsWith(prefix);
    // >= : of two mounts on one folder, the later one hides the earlier
    if (covers && mount.target.length >= (best?.target.length ?? 0)) best = mount;
  }
  return best;
}

function parseMount(line: string): Mount {
  // The optional fields in the middle end with " - ".
  const [left = '', right = ''] = line.split(' - ', 2);
  const [id, , , root = '', target = '', options = ''] = left.split(' ');
  const [type = '', source = '', superOptions = ''] = right.split(' ');
  return {
    id: Number(id),
    root: unescapeField(root),
    target: unescapeField(target),
    readOnly: hasOption(options, 'ro') || hasOption(superOptions, 'ro'),
    type,
    source: unescapeField(source),
  };
}

const hasOption = (options: string, name: string): boolean => options.split(',').includes(name);

/** The kernel writes blank, tab, newline and backslash as octal. */
const unescapeField = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
