import { accessSync, constants, existsSync, lstatSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../../terminal/failure.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** File systems by the number that statfs(2) gives; include/uapi/linux/magic.h of the kernel. */
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

/** Where volumes are to live. @param folder absolute */
export function backendFindings(folder: string): readonly Finding[] {
  const what = `volumes in ${folder}`;
  return inspected(what, folder, (type) => {
    if (type === 'overlay') {
      return warning(
        what,
        'on overlay: the layer of a container, which goes with it',
        'put it on a real disk',
      );
    }
    if (ofOtherHosts.includes(type)) {
      return warning(
        what,
        `on ${type}: nothing keeps castles of other hosts out of the same folder`,
        'see to it that no other castle uses it',
      );
    }
    return undefined;
  });
}

/** Where the store is to be. @param folder absolute */
export function stateFindings(folder: string): readonly Finding[] {
  const what = `state in ${folder}`;
  return inspected(what, folder, (type) =>
    ofOtherHosts.includes(type)
      ? missing(what, `on ${type}: LMDB needs a local file system`, 'put it on a disk of this host (--state)')
      : undefined,
  );
}

/** Where it is to listen. @param socket absolute path */
export function socketFindings(socket: string): readonly Finding[] {
  const folder = dirname(socket);
  const what = `socket ${socket}`;
  if (Buffer.byteLength(socket) > 107) {
    return [missing(what, 'longer than the 107 bytes that Linux takes', 'give a shorter --socket')];
  }
  if (!existsSync(folder)) return inspected(what, folder, () => undefined);
  const { mode, uid } = statSync(folder);
  if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.())) {
    return [
      missing(
        what,
        'others may write to its folder, and could listen in its place',
        `chown root ${folder} && chmod 755 ${folder}`,
      ),
    ];
  }
  if (existsSync(socket) && !lstatSync(socket).isSocket()) {
    return [missing(what, 'something else is there', 'take it away, or give another --socket')];
  }
  return [ok(what, existsSync(socket) ? 'is there' : 'can be made')];
}

/** What is true of every folder that must be writable and have room. */
function inspected(
  what: string,
  folder: string,
  ofType: (type: string) => Finding | undefined,
): readonly Finding[] {
  const there = nearest(folder);
  if (!statSync(there).isDirectory()) return [missing(what, `${there} is not a folder`, 'give another one')];
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    const why = errorCode(thrown) === 'EROFS' ? 'read-only' : 'not writable';
    return [missing(what, `${there} is ${why}`, 'mount it writable, or give another folder')];
  }
  const { type, bavail, bsize, blocks, ffree, files } = statfsSync(there);
  const name = fileSystems.get(type) ?? `file system 0x${type.toString(16)}`;
  const free = bavail * bsize;
  const room = `${name}, ${(free / gib).toFixed(1)} GiB of ${((blocks * bsize) / gib).toFixed(1)} free`;
  const findings = [ofType(name)].filter((finding) => finding !== undefined);
  // Some file systems, btrfs for one, have no fixed number of files and say 0 of 0.
  if (bavail === 0 || (files > 0 && ffree === 0)) {
    findings.push(missing(what, `full: ${bavail === 0 ? 'no space' : 'no inodes'} (${room})`, 'make room'));
  } else if (free < gib || bavail < blocks / 20) {
    findings.push(warning(what, `nearly full: ${room}`, 'make room'));
  }
  if (inMemory.includes(name)) {
    findings.push(warning(what, `on ${name}: gone when the host starts again`, 'put it on a disk'));
  }
  const note = there === folder ? '' : `; is to be made in ${there}`;
  return findings.length > 0 ? findings : [ok(what, `${room}${note}`)];
}

/** The folder, or what there is of the path to it. */
function nearest(folder: string): string {
  let at = folder;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}
