import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fromAnyThread } from './proc.ts';

/** One line of /proc/PID/mountinfo, as far as it is used here; proc_pid_mountinfo(5). */
export interface MountLine {
  readonly id: number;
  /** The mount that it is mounted on. */
  readonly parent: number;
  /** `major:minor` of the file system; of a server, what nfsFolder calls it. */
  readonly device: string;
  /** Which folder of the file system is mounted. */
  readonly root: string;
  /** Of a server's folder: the address that the kernel goes to. */
  readonly address?: string;
  /** Where, as that process sees it. */
  readonly point: string;
  /** Whether nothing can be written through it: the mount, or its whole file system, is read-only. */
  readonly readonly: boolean;
  /** The peer group of a shared mount: what is mounted on one of the group appears on all; mount_namespaces(7). */
  readonly peerGroup?: string;
}

/** A folder as the kernel names it: what part of which file system, by whatever path it is reached. */
export interface SourceFolder {
  readonly device: string;
  readonly root: string;
  /** The address of the server that has it, when it is known: a server may have several names. */
  readonly address?: string;
}

/**
 * Names a folder of an NFS server. Each mount of a server may have a device number of its own, and calls the folder that it
 * begins at `/`; what it shows as its source is always the host that was asked for and the whole path there.
 * @param host as it stands before the colon
 */
export const nfsFolder = (host: string, path: string, address: string | undefined): SourceFolder => ({
  device: `nfs ${host}`,
  root: path,
  ...(address === undefined ? {} : { address }),
});

/**
 * The mounts of a process, in the order in which they were made; undefined when it ended or may not be looked at:
 * nothing is known then, least of all that nothing is mounted.
 */
export function mountsOf(pid: number | 'self'): readonly MountLine[] | undefined {
  try {
    const text = fromAnyThread(pid, (folder) => readFileSync(`${folder}/mountinfo`, 'utf8'));
    return text.trimEnd().split('\n').map(parseLine);
  } catch {
    return undefined;
  }
}

function parseLine(line: string): MountLine {
  const [id = '', parent = '', device = '', root = '', point = '', mount = '', ...optional] = line.split(' ');
  const end = optional.indexOf('-');
  const peerGroup = optional.slice(0, end).find((field) => field.startsWith('shared:'));
  const [type = '', source = '', options = ''] = optional.slice(end + 1);
  const isReadonly = (fields: string) => fields.split(',').includes('ro');
  return {
    id: Number(id),
    parent: Number(parent),
    ...(serversFolder(type, decodeOctal(source), options) ?? { device, root: decodeOctal(root) }),
    point: decodeOctal(point),
    readonly: isReadonly(mount) || isReadonly(options),
    ...(peerGroup === undefined ? {} : { peerGroup }),
  };
}

/** Only the kernel's own NFS client has these types: what a container mounts with FUSE cannot pass for it. */
function serversFolder(type: string, source: string, options: string): SourceFolder | undefined {
  if (type !== 'nfs' && type !== 'nfs4') return undefined;
  const [, host, path] = /^(\[[^\]]*\]|[^:[]+):(\/.*)$/s.exec(source) ?? [];
  if (host === undefined || path === undefined) return undefined;
  return nfsFolder(host, path, /(?:^|,)addr=([^,]+)/.exec(options)?.[1]);
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
    return folderOn(on, folder);
  } finally {
    closeSync(fd);
  }
}

/** What a path that leads to a mount, or below its mount point, is called by the kernel. */
export function folderOn(mount: MountLine, path: string): SourceFolder {
  const { device, address } = mount;
  const root = posix.join(mount.root, posix.relative(mount.point, path));
  return { device, root, ...(address === undefined ? {} : { address }) };
}

const onSameDevice = (one: SourceFolder, other: SourceFolder): boolean =>
  one.device === other.device || (one.address !== undefined && one.address === other.address);

/** Whether a folder is another one or lies in it, on the same file system. */
export const isPartOf = (one: SourceFolder, other: SourceFolder): boolean =>
  onSameDevice(one, other) && isWithin(one.root, other.root);

/** The mount of a source on a mount point, when it is the topmost one there. */
export function mountOn(
  mounts: readonly MountLine[],
  source: SourceFolder,
  point: string,
): MountLine | undefined {
  const top = topmostOn(mounts, point);
  return top !== undefined && onSameDevice(top, source) && top.root === source.root ? top : undefined;
}

/** A folder's entry. */
export const below = (folder: SourceFolder, name: string): SourceFolder => ({
  ...folder,
  root: posix.join(folder.root, name),
});

/** Whether a path of a process leads into a folder by itself, not by a mount of something in that folder. */
export function liesIn(pid: number, path: string, folder: SourceFolder): boolean {
  const on = mountOf(mountsOf(pid) ?? [], path);
  return on !== undefined && isPartOf(folderOn(on, path), folder) && !isEntryOf(on, folder);
}

/** Whether a folder lies in another one and is not that one itself. */
export const isEntryOf = (one: SourceFolder, folder: SourceFolder): boolean =>
  isPartOf(one, folder) && one.root !== folder.root;

/** The mount that hides all others on a point. */
export const topmostOn = (mounts: readonly MountLine[], point: string): MountLine | undefined =>
  mounts.filter((line) => line.point === point).at(-1);

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
