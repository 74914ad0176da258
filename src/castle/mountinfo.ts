import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { namespaceOf } from './proc.ts';

/** One line of /proc/PID/mountinfo, as far as it is used here; proc_pid_mountinfo(5). */
export interface MountLine {
  readonly id: number;
  /** The mount that it is mounted on. */
  readonly parent: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** Which folder of the file system is mounted. */
  readonly root: string;
  /** Where, as that process sees it. */
  readonly point: string;
  /** The peer group of a shared mount: what is mounted on one of the group appears on all; mount_namespaces(7). */
  readonly peerGroup?: string;
}

/** A folder as the kernel names it: what part of which file system, by whatever path it is reached. */
export interface SourceFolder {
  readonly device: string;
  readonly root: string;
}

/** The mounts of a process, in the order in which they were made; undefined when it ended or may not be looked at. */
export function mountsOf(pid: number | 'self'): readonly MountLine[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trimEnd().split('\n').map(parseLine);
  } catch {
    return undefined;
  }
}

function parseLine(line: string): MountLine {
  const [id = '', parent = '', device = '', root = '', point = '', , ...optional] = line.split(' ');
  const peerGroup = optional.slice(0, optional.indexOf('-')).find((field) => field.startsWith('shared:'));
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: decodeOctal(root),
    point: decodeOctal(point),
    ...(peerGroup === undefined ? {} : { peerGroup }),
  };
}

/** Space, tab, newline and backslash stand there as \ooo. */
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Names a folder as mountinfo will name it once it is mounted somewhere.
 * @param folder an absolute path without symlinks
 */
export function sourceFolder(folder: string): SourceFolder {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const id = Number(/^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
    const on = mountsOf('self')?.find((line) => line.id === id);
    if (on === undefined) throw new Error(`the mount of ${folder} is not in /proc/self/mountinfo`);
    const below = on.point === '/' ? folder : folder.slice(on.point.length);
    return { device: on.device, root: on.root === '/' ? below : `${on.root}${below}` };
  } finally {
    closeSync(fd);
  }
}

const isOf = (source: SourceFolder) => (line: MountLine) =>
  line.device === source.device && line.root === source.root;

/** The topmost mount of a source on a mount point, as a process sees it. */
export function mountOn(pid: number, source: SourceFolder, point: string): MountLine | undefined {
  const there = mountsOf(pid)?.filter((line) => line.point === point);
  const top = there?.at(-1);
  return top !== undefined && isOf(source)(top) ? top : undefined;
}

/** Whether what is mounted on a folder of a process appears in the castle's own mount namespace as well. */
export function isSharedWithHost(pid: number, folder: string): boolean {
  const group = mountOf(mountsOf(pid) ?? [], folder)?.peerGroup;
  return group !== undefined && mountsOf('self')?.some(({ peerGroup }) => peerGroup === group) === true;
}

/** The mount that a path without symlinks leads to: from the root on, by the mount points that it crosses. */
function mountOf(mounts: readonly MountLine[], path: string): MountLine | undefined {
  const ids = new Set(mounts.map(({ id }) => id));
  let at = mounts.find(({ parent, point }) => point === '/' && !ids.has(parent));
  for (;;) {
    const next = mounts
      .filter(({ id, parent, point }) => parent === at?.id && id !== parent && isWithin(path, point))
      .sort((one, other) => one.point.length - other.point.length)[0];
    if (next === undefined) return at;
    at = next;
  }
}

const isWithin = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`);

/** A mount of a volume that was found in some mount namespace. */
export interface FoundMount {
  /** One process that sees it. */
  readonly pid: number;
  /** Its mount namespace, as in `mnt:[4026531841]`. */
  readonly namespace: string;
  readonly mount: MountLine;
}

/**
 * Every mount of folders below one folder, in all mount namespaces but the castle's own, which is the host's business.
 * The kernel keeps no list of this: each process is asked for its namespace, and one of each namespace for its mounts.
 */
export function mountsBelow(folder: SourceFolder): readonly FoundMount[] {
  const seen = new Set([namespaceOf('self', 'mnt')]);
  const found: FoundMount[] = [];
  const prefix = folder.root === '/' ? '/' : `${folder.root}/`;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const pid = Number(entry);
    try {
      const namespace = namespaceOf(pid, 'mnt');
      if (seen.has(namespace)) continue;
      const mounts = mountsOf(pid);
      if (mounts === undefined) continue;
      seen.add(namespace);
      for (const mount of mounts) {
        if (mount.device === folder.device && mount.root.startsWith(prefix))
          found.push({ pid, namespace, mount });
      }
    } catch {
      // It ended while we looked, or it is not ours to look at.
    }
  }
  return found;
}
