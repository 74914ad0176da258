import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { idOutside } from '../../linux/id-outside-namespace.ts';
import { type MountLine, mountOf, mountsOf } from '../../linux/mountinfo.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';

/**
 * Checks that this process can read and write a directory, without writing to it.
 * @param name its name in messages, for example JENKINS_HOME
 * @param path absolute
 * @throws Failure 73 when it does not exist or is not a directory; 77 without permission, with our ids, its owner, mode and
 *   file system, and the command that fixes it
 */
export function requireFolderAccess(name: string, path: string): void {
  let stat: Stats;
  try {
    stat = statSync(path);
  } catch (thrown) {
    throw accessFailure(name, path, thrown, 'be reached');
  }
  if (!stat.isDirectory())
    throw new Failure(
      'cannotCreate',
      `${name} ${path} is not a folder`,
      `correct ${name}, or move the file away`,
    );
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
  } catch (thrown) {
    throw accessFailure(name, path, thrown, 'be read');
  }
  try {
    accessSync(path, constants.W_OK);
  } catch (thrown) {
    throw accessFailure(name, path, thrown, 'be written');
  }
}

/** O_TMPFILE, open(2) (Linux 3.11); Node has no constant for it. */
const temporaryFile = 0o20000000 | constants.O_DIRECTORY;

/**
 * Checks that a file can be written in a directory: access(2) does not detect a full disk, an exhausted quota or an NFS
 * server that maps root to nobody. The test file has no name and vanishes however this process ends.
 * @param name its name in messages
 * @param path absolute; {@link requireFolderAccess} has accepted it
 * @throws Failure 73 when it is full or the quota is used up, 77 when writing is not permitted
 */
export function requireFreeSpace(name: string, path: string): void {
  let file: number;
  try {
    file = openSync(path, temporaryFile | constants.O_WRONLY, 0o600);
  } catch (thrown) {
    // Some file systems lack O_TMPFILE (NFS, older overlayfs): on these, the first real file that is written shows the error.
    if (['EOPNOTSUPP', 'EISDIR', 'EINVAL'].includes(errorCode(thrown) ?? '')) return;
    throw accessFailure(name, path, thrown, 'be written');
  }
  try {
    writeSync(file, ' ');
  } catch (thrown) {
    throw accessFailure(name, path, thrown, 'be written');
  } finally {
    closeSync(file);
  }
}

/**
 * Checks that a file exists and that this process can read it.
 * @param name the variable that names it
 * @param path relative to the working directory, or absolute
 * @param remedy what to do when it does not exist
 * @throws Failure 78 when the file does not exist, 77 without permission to reach or read it
 */
export function requireFile(name: string, path: string, remedy: string): void {
  let fault = 'is not a file';
  try {
    if (statSync(path).isFile()) {
      accessSync(path, constants.R_OK);
      return;
    }
  } catch (thrown) {
    const known = noSuchFile[errorCode(thrown) ?? ''];
    if (known === undefined) throw accessFailure(name, resolve(path), thrown, 'be read');
    fault = known;
  }
  throw new Failure('config', `${name} ${path} ${fault}`, remedy);
}

const noSuchFile: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is below a file',
  ELOOP: 'is a circular symlink',
  ENAMETOOLONG: 'is too long for a path',
};

/**
 * Converts the error of a file operation to a Failure.
 * @param name the variable or option that names the path; empty for none
 * @param path absolute path of the file or folder
 * @param thrown the error of the file operation
 * @param what the operation, for example `be written`
 */
export function accessFailure(name: string, path: string, thrown: unknown, what: string): Failure {
  const subject = name === '' ? path : `${name} ${path}`;
  const because = { cause: thrown };
  switch (errorCode(thrown)) {
    case 'ENOENT':
      return new Failure('cannotCreate', `${subject} does not exist`, missingRemedy(name, path), because);
    case 'ENOTDIR':
    case 'EEXIST': // Node 22, for mkdir -p with a file in place of a directory
      return new Failure(
        'cannotCreate',
        `${subject} ${existsSync(path) ? 'is not a folder' : 'is below a file'}`,
        'correct the path, or move the file away',
        because,
      );
    case 'EACCES':
    case 'EPERM':
      return new Failure(
        'noPermission',
        `${subject} cannot ${what}: ${accessContext(path)}`,
        chownRemedy(path),
        because,
      );
    case 'EROFS':
      return new Failure(
        'noPermission',
        `${subject} cannot ${what}, it is mounted read-only: ${accessContext(path)}`,
        'mount it read-write (docker run: without :ro; read-only root: put a volume there)',
        because,
      );
    case 'EDQUOT':
      return new Failure(
        'cannotCreate',
        `${subject} cannot ${what}: the quota of uid ${currentIds().uid} is used up`,
        'remove unneeded files, or raise the quota',
        because,
      );
    case 'ENOSPC':
      return new Failure(
        'cannotCreate',
        `${subject} cannot ${what}, ${freeSpaceText(path)}`,
        'free space, or enlarge it',
        because,
      );
    default:
      return new Failure('io', `${subject} cannot ${what}: ${errorMessage(thrown)}`, undefined, because);
  }
}

function missingRemedy(name: string, path: string): string {
  const { uid, gid } = currentIds();
  return `create it in the image or mount a volume there: mkdir -p ${path} && chown ${uid}:${gid} ${path}${name === '' ? '' : `, or correct ${name}`}`;
}

/** For example `uid 1000, gid 1000, owner 0:0, mode 0755, ext4 rw`, of the path or its nearest visible parent. */
function accessContext(path: string): string {
  const { uid, gid } = currentIds();
  const existing = nearestExisting(path);
  const where = existing.path === path ? '' : ` of ${existing.path}`;
  const mode = (existing.stat.mode & 0o7777).toString(8).padStart(4, '0');
  const mount = mountAt(existing.path);
  const onto = mount === undefined ? '' : `, ${mount.type} ${mount.readonly ? 'ro' : 'rw'}`;
  return `uid ${uid}, gid ${gid}, owner${where} ${existing.stat.uid}:${existing.stat.gid}, mode ${mode}${onto}`;
}

/**
 * Returns the command that fixes the owner, and where to run it: on the host for a bind mount, in the image for a directory of
 * the image. The root field of mountinfo is the path in the mounted file system, which is the host's path if that file
 * system is the host's root.
 */
function chownRemedy(path: string): string {
  const { uid, gid } = currentIds();
  const existing = nearestExisting(path);
  const mount = mountAt(existing.path);
  const command = (user: number, group: number): string =>
    existing.stat.uid === uid ? 'chmod u+rwx' : `chown ${user}:${group}`;
  if (mount === undefined || mount.point === '/')
    return `in the image: ${command(uid, gid)} ${existing.path}`;
  if (mount.point === existing.path && mount.rootInFileSystem !== '/')
    return `on the host: ${command(hostId(uid, 'uid'), hostId(gid, 'gid'))} ${mount.rootInFileSystem} (its path on ${mount.source})`;
  return `as root: ${command(uid, gid)} ${existing.path}`;
}

/** Returns the id on the host, which differs in a user namespace (dockerd --userns-remap, rootless engines). */
function hostId(id: number, kind: 'uid' | 'gid'): number {
  try {
    return idOutside(id, readFileSync(`/proc/self/${kind}_map`, 'utf8')) ?? id;
  } catch {
    return id; // no /proc
  }
}

/**
 * Returns the free space of the file system, for messages: a write may fail on a file system that is not full, when the file is
 * larger.
 */
function freeSpaceText(path: string): string {
  const existing = nearestExisting(path);
  if (existing.stat.isCharacterDevice()) return 'the device is full';
  const mount = mountAt(existing.path);
  const onto = mount === undefined ? 'its file system' : `${mount.type} on ${mount.point}`;
  try {
    const { bavail, bsize, blocks, ffree } = statfsSync(existing.path);
    const state = bavail === 0 || ffree === 0 ? 'is full' : 'has too little free space';
    return `${onto} ${state}: ${bavail * bsize} of ${blocks * bsize} bytes and ${ffree} files are free`;
  } catch {
    return `${onto} is full`;
  }
}

/** Returns the path itself, or its nearest parent that this process can stat. */
function nearestExisting(path: string): { readonly path: string; readonly stat: Stats } {
  try {
    const real = realpathSync(path);
    return { path: real, stat: statSync(real) };
  } catch {
    return path === '/'
      ? { path, stat: statSync('/') }
      : nearestExisting(path.slice(0, path.lastIndexOf('/')) || '/');
  }
}

/** Returns the mount that contains a path; undefined without /proc, then the message omits it. */
function mountAt(path: string): MountLine | undefined {
  return mountOf(mountsOf('self') ?? [], path);
}

const currentIds = (): { uid: number; gid: number } => ({
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
});
