import { accessSync, constants, existsSync, lstatSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../../terminal/failure.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** Names of file systems by the f_type of statfs(2); include/uapi/linux/magic.h of the kernel. */
const fileSystems: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0xf2f52010, 'f2fs'],
  [0x2fc12fc1, 'zfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlay'],
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb'],
  [0x65735546, 'fuse'],
  [0x01021997, '9p'],
]);

const inMemory = ['tmpfs', 'ramfs'];
const ofOtherHosts = ['nfs', 'cifs', 'smb', 'fuse', '9p'];
const gib = 1024 ** 3;

/** Checks the folder of the volumes. @param folder absolute */
export function backendFindings(folder: string): readonly Finding[] {
  const what = `volumes in ${folder}`;
  return inspected(what, folder, (type) => {
    if (type === 'overlay') {
      return warning(
        what,
        'on overlay: the layer of a container, which is deleted with the container',
        'put it on a disk of the host',
      );
    }
    if (ofOtherHosts.includes(type)) {
      return warning(
        what,
        `on ${type}: castles on other hosts could use the same folder`,
        'make sure that no other castle uses it',
      );
    }
    return undefined;
  });
}

/** Checks the folder of the store. @param folder absolute */
export function stateFindings(folder: string): readonly Finding[] {
  const what = `state in ${folder}`;
  return inspected(what, folder, (type) =>
    ofOtherHosts.includes(type)
      ? missing(what, `on ${type}: LMDB needs a local file system`, 'put it on a disk of this host (--state)')
      : undefined,
  );
}

/** Checks the path of the socket. @param socket absolute path */
export function socketFindings(socket: string): readonly Finding[] {
  const folder = dirname(socket);
  const what = `socket ${socket}`;
  if (Buffer.byteLength(socket) > 107) {
    return [missing(what, 'longer than the 107 bytes that Linux allows', 'use a shorter path (--socket)')];
  }
  if (!existsSync(folder)) return inspected(what, folder, () => undefined);
  const { mode, uid } = statSync(folder);
  if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.())) {
    return [
      missing(
        what,
        'other users can write to its folder, and could listen in its place',
        `chown root ${folder} && chmod 755 ${folder}`,
      ),
    ];
  }
  if (existsSync(socket) && !lstatSync(socket).isSocket()) {
    return [missing(what, 'the path exists and is not a socket', 'remove it, or set another --socket')];
  }
  return [ok(what, existsSync(socket) ? 'exists' : 'can be created')];
}

/** Checks that a folder is writable and has free space, and the type of its file system by `ofType`. */
function inspected(
  what: string,
  folder: string,
  ofType: (type: string) => Finding | undefined,
): readonly Finding[] {
  const there = nearest(folder);
  if (!statSync(there).isDirectory())
    return [missing(what, `${there} is not a folder`, 'set another folder')];
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    const why = errorCode(thrown) === 'EROFS' ? 'read-only' : 'not writable';
    return [missing(what, `${there} is ${why}`, 'mount it writable, or set another folder')];
  }
  const { type, bavail, bsize, blocks, ffree, files } = statfsSync(there);
  const name = fileSystems.get(type) ?? `file system 0x${type.toString(16)}`;
  const free = bavail * bsize;
  const room = `${name}, ${(free / gib).toFixed(1)} GiB of ${((blocks * bsize) / gib).toFixed(1)} free`;
  const findings = [ofType(name)].filter((finding) => finding !== undefined);
  // Some file systems, such as btrfs, have no fixed number of inodes and report 0 of 0.
  if (bavail === 0 || (files > 0 && ffree === 0)) {
    findings.push(
      missing(what, `full: ${bavail === 0 ? 'no space' : 'no inodes'} (${room})`, 'free some space'),
    );
  } else if (free < gib || bavail < blocks / 20) {
    findings.push(warning(what, `nearly full: ${room}`, 'free some space'));
  }
  if (inMemory.includes(name)) {
    findings.push(warning(what, `on ${name}: lost when the host reboots`, 'put it on a disk'));
  }
  const note = there === folder ? '' : `; will be created in ${there}`;
  return findings.length > 0 ? findings : [ok(what, `${room}${note}`)];
}

/** Returns the folder, or its nearest parent that exists. */
function nearest(folder: string): string {
  let at = folder;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}
