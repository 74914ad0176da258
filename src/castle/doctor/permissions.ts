import { readFileSync } from 'node:fs';
import { namespaceOf, readStatus } from '../../linux/proc.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** The capabilities that the castle needs, by their numbers; capabilities(7). */
const needed = [
  { name: 'CAP_CHOWN', bit: 0, why: 'a new volume gets the owner that the container runs as' },
  { name: 'CAP_DAC_OVERRIDE', bit: 1, why: 'volumes belong to the users of containers' },
  { name: 'CAP_DAC_READ_SEARCH', bit: 2, why: "mount points lie in folders of the containers' users" },
  { name: 'CAP_FOWNER', bit: 3, why: 'a new volume gets its mode' },
  { name: 'CAP_SYS_CHROOT', bit: 18, why: "a mount point is looked up from the container's root" },
  { name: 'CAP_SYS_PTRACE', bit: 19, why: "processes' namespaces are read in /proc" },
  { name: 'CAP_SYS_ADMIN', bit: 21, why: 'it mounts in other mount namespaces' },
];

/** What the kernel asks of who writes the maps of a user namespace, root's too; user_namespaces(7). */
const forMaps = [
  { name: 'CAP_SETGID', bit: 6 },
  { name: 'CAP_SETUID', bit: 7 },
  { name: 'CAP_SETFCAP', bit: 31 },
];

/** The PID namespace that the kernel itself starts with; PROC_PID_INIT_INO in its proc_ns.h. */
const firstPidNamespace = 'pid:[4026531836]';

/** Every lease takes descriptors; below this many, a large host gets too few. */
const enoughDescriptors = 4096;

export function permissionFindings(): readonly Finding[] {
  return [capabilities(), idMapping(), pidNamespace(), mountNamespace(), descriptors()];
}

/** Whether this process has a capability. @param bit its number */
export function holds(bit: number): boolean {
  const held = BigInt(`0x${readStatus(process.pid).get('CapEff') ?? '0'}`);
  return (held & (1n << BigInt(bit))) !== 0n;
}

function capabilities(): Finding {
  const lacking = needed.filter(({ bit }) => !holds(bit));
  if (lacking.length === 0) return ok('capabilities', `uid ${process.getuid?.()} has what is needed`);
  const list = lacking.map(({ name, why }) => `${name} (${why})`).join(', ');
  return missing('capabilities', `uid ${process.getuid?.()} has not ${list}`, 'run it as root on the host');
}

function idMapping(): Finding {
  const lacking = forMaps.filter(({ bit }) => !holds(bit)).map(({ name }) => name);
  if (lacking.length === 0) return ok('id mapping', 'the owner of a volume can be shown as another user');
  return warning(
    'id mapping',
    `without ${lacking.join(', ')} every volume is shown with its owner as it is`,
    'give it to the castle where containers do not run as the owner of their volume',
  );
}

function pidNamespace(): Finding {
  if (namespaceOf('self', 'pid') === firstPidNamespace) return ok('PID namespace', "the host's");
  return warning(
    'PID namespace',
    'not the first one of this machine: processes outside of it cannot ask for storage',
    "in a container, give it the host's (docker run --pid host, hostPID: true)",
  );
}

/** Compared with the first process that is to be seen: with the host's PID namespace, that is the host's. */
function mountNamespace(): Finding {
  const what = 'mount namespace';
  try {
    if (namespaceOf('self', 'mnt') === namespaceOf(1, 'mnt')) return ok(what, "the host's");
  } catch {
    return warning(what, 'that of process 1 cannot be looked at', 'run it as root on the host');
  }
  return warning(
    what,
    'not that of process 1: what the host mounts later, and what containers share with it, is not seen',
    'run the castle as a service without PrivateMounts and its like, or see docs/castle.md about containers',
  );
}

function descriptors(): Finding {
  const line = /^Max open files\s+(\d+)\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  // Node raises the soft limit to the hard one at its start.
  const limit = line?.[2] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line?.[2] ?? 0);
  if (limit >= enoughDescriptors) return ok('descriptors', `at most ${limit}`);
  return warning('descriptors', `at most ${limit}`, `raise LimitNOFILE to ${enoughDescriptors} or more`);
}
