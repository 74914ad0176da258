import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { mountIdOfDescriptor } from './mount-id.ts';
import { fromAnyThread } from './proc.ts';

/**
 * Parses the mounts of a process in /proc/PID/mountinfo (proc_pid_mountinfo(5)), and identifies the folder of the file
 * system that each mount shows. This is the only parser of that file.
 */

/** One line of mountinfo. */
export interface MountLine {
  readonly id: number;
  /** The id of the mount that this one is mounted on. */
  readonly parent: number;
  /** `major:minor` of the file system; for NFS, the name from {@link nfsFolder}. */
  readonly device: string;
  /** The mounted folder, as a path in its file system; for NFS, its path on the server. */
  readonly root: string;
  /** The same path as the kernel writes it; for NFS, it begins at the mounted export. */
  readonly rootInFileSystem: string;
  /** For NFS: the address of the server. */
  readonly address?: string;
  /** The mount point: a path below the root of that process. */
  readonly point: string;
  /** Whether the mount, or its whole file system, is read-only. */
  readonly readonly: boolean;
  /** The peer group of a shared mount: a mount below one member appears below all members; mount_namespaces(7). */
  readonly peerGroup?: string;
  /** The type of the file system, such as `ext4`. */
  readonly type: string;
  /** The source of the mount, such as `/dev/sda1`. */
  readonly source: string;
  /** Options of the file system, separated by commas; of a cgroup hierarchy, its controllers. */
  readonly fileSystemOptions: string;
}

/** Identifies a folder of a file system, independent of the path that leads to it. */
export interface SourceFolder {
  readonly device: string;
  readonly root: string;
  /** For NFS: the address of the server, if it is known. A server may have several names. */
  readonly address?: string;
}

/**
 * Identifies a folder of an NFS server by the source of its mount, which consists of the host as given to mount(8) and the
 * whole path. The device number and the root in mountinfo do not identify it: each mount of a server may have another device
 * number, and its root is `/`.
 * @param host the part of the source before the colon
 */
export const nfsFolder = (host: string, path: string, address: string | undefined): SourceFolder => ({
  device: `nfs ${host}`,
  root: path,
  ...(address === undefined ? {} : { address }),
});

/**
 * Reads the mounts of a process.
 * @returns the mounts in the order in which they were made; undefined when they cannot be read, because the process has
 *   ended or /proc is missing: the mounts are unknown then, which does not mean that there are none
 */
export function mountsOf(pid: number | 'self'): readonly MountLine[] | undefined {
  try {
    const text = fromAnyThread(pid, (folder) => readFileSync(`${folder}/mountinfo`, 'utf8'));
    return parseMountinfo(text);
  } catch {
    return undefined;
  }
}

/** @param text the content of a mountinfo file */
export function parseMountinfo(text: string): readonly MountLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(line: string): MountLine {
  const [id = '', parent = '', device = '', root = '', point = '', mount = '', ...optional] = line.split(' ');
  const end = optional.indexOf('-'); // ends the optional fields
  const peerGroup = optional.slice(0, end).find((field) => field.startsWith('shared:'));
  const [type = '', encodedSource = '', fileSystemOptions = ''] = optional.slice(end + 1);
  const source = decodeOctal(encodedSource);
  const rootInFileSystem = decodeOctal(root);
  const isReadonly = (fields: string) => fields.split(',').includes('ro');
  return {
    id: Number(id),
    parent: Number(parent),
    ...(folderOnServer(type, source, fileSystemOptions) ?? { device, root: rootInFileSystem }),
    rootInFileSystem,
    point: decodeOctal(point),
    readonly: isReadonly(mount) || isReadonly(fileSystemOptions),
    type,
    source,
    fileSystemOptions,
    ...(peerGroup === undefined ? {} : { peerGroup }),
  };
}

/** Returns the folder on the server of an NFS mount. Only the kernel's NFS client has these types; FUSE cannot imitate them. */
function folderOnServer(type: string, source: string, options: string): SourceFolder | undefined {
  if (type !== 'nfs' && type !== 'nfs4') return undefined;
  const [, host, path] = /^(\[[^\]]*\]|[^:[]+):(\/.*)$/s.exec(source) ?? [];
  if (host === undefined || path === undefined) return undefined;
  return nfsFolder(host, path, /(?:^|,)addr=([^,]+)/.exec(options)?.[1]);
}

/** Decodes the \ooo sequences that the kernel writes for space, tab, newline and backslash. */
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Identifies a folder in the way in which mountinfo would identify it as the source of a bind mount.
 * @param folder an absolute path without symlinks
 * @throws Error with `code` when it cannot be opened
 */
export function sourceFolder(folder: string): SourceFolder {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const id = mountIdOfDescriptor(fd);
    const on = mountsOf('self')?.find((line) => line.id === id);
    if (on === undefined) throw new Error(`the mount of ${folder} is not in /proc/self/mountinfo`);
    return folderOn(on, folder);
  } finally {
    closeSync(fd);
  }
}

/** Identifies the folder of a path, if the path is on that mount. */
export function folderOn(mount: MountLine, path: string): SourceFolder {
  const { device, address } = mount;
  const root = posix.join(mount.root, posix.relative(mount.point, path));
  return { device, root, ...(address === undefined ? {} : { address }) };
}

const onSameDevice = (one: SourceFolder, other: SourceFolder): boolean =>
  one.device === other.device || (one.address !== undefined && one.address === other.address);

/** Whether a folder is equal to another folder or below it, on the same file system. */
export const isPartOf = (one: SourceFolder, other: SourceFolder): boolean =>
  onSameDevice(one, other) && isWithin(one.root, other.root);

/** Returns the mount of a source on a mount point, if no later mount hides it there. */
export function mountOn(
  mounts: readonly MountLine[],
  source: SourceFolder,
  point: string,
): MountLine | undefined {
  const top = topmostOn(mounts, point);
  return top !== undefined && onSameDevice(top, source) && top.root === source.root ? top : undefined;
}

/** Returns an entry of a folder. */
export const below = (folder: SourceFolder, name: string): SourceFolder => ({
  ...folder,
  root: posix.join(folder.root, name),
});

/** Whether a path of a process leads into a folder without crossing a mount of something in that folder. */
export function liesIn(pid: number, path: string, folder: SourceFolder): boolean {
  const on = mountOf(mountsOf(pid) ?? [], path);
  return on !== undefined && isPartOf(folderOn(on, path), folder) && !isEntryOf(on, folder);
}

/** Whether a folder is inside another one and is not that folder itself. */
export const isEntryOf = (one: SourceFolder, folder: SourceFolder): boolean =>
  isPartOf(one, folder) && one.root !== folder.root;

/** Returns the topmost mount on a mount point: it hides the others there. */
export const topmostOn = (mounts: readonly MountLine[], point: string): MountLine | undefined =>
  mounts.filter((line) => line.point === point).at(-1);

/** Whether a mount on a folder of a process propagates into the mount namespace of this process. */
export function isSharedWithHost(pid: number, folder: string): boolean {
  const group = mountOf(mountsOf(pid) ?? [], folder)?.peerGroup;
  return group !== undefined && mountsOf('self')?.some(({ peerGroup }) => peerGroup === group) === true;
}

/**
 * Returns the mount that a path is on. It follows the mount points that the path crosses, from the root on, so that a mount
 * below a hidden mount point does not count.
 * @param path absolute and without symlinks
 */
export function mountOf(mounts: readonly MountLine[], path: string): MountLine | undefined {
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
