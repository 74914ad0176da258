import { readFileSync } from 'node:fs';
import { hasCapability, namespaceOf } from '../../linux/proc.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** The number of CAP_SYS_ADMIN; linux/capability.h. */
export const sysAdmin = 21;

/** The numbers of the capabilities that the castle needs, and what each is needed for; capabilities(7). */
const needed = [
  { name: 'CAP_CHOWN', bit: 0, why: 'to give a new volume to the user of its container' },
  { name: 'CAP_DAC_OVERRIDE', bit: 1, why: 'to use volumes that belong to other users' },
  { name: 'CAP_DAC_READ_SEARCH', bit: 2, why: 'to open mount points in folders of other users' },
  { name: 'CAP_FOWNER', bit: 3, why: 'to set the mode of a new volume' },
  { name: 'CAP_SYS_CHROOT', bit: 18, why: "to open a mount point from the container's root" },
  { name: 'CAP_SYS_PTRACE', bit: 19, why: 'to read the namespaces of processes in /proc' },
  { name: 'CAP_SYS_ADMIN', bit: sysAdmin, why: 'to mount in other mount namespaces' },
];

/** The capabilities that are required to write the id maps of a user namespace, also for uid 0; user_namespaces(7). */
const forMaps = [
  { name: 'CAP_SETGID', bit: 6 },
  { name: 'CAP_SETUID', bit: 7 },
  { name: 'CAP_SETFCAP', bit: 31 },
];

/** The initial PID namespace; PROC_PID_INIT_INO in the kernel's proc_ns.h. */
const firstPidNamespace = 'pid:[4026531836]';

/** Each lease takes two descriptors; a large host needs at least this many. */
const enoughDescriptors = 4096;

export function permissionFindings(): readonly Finding[] {
  return [capabilities(), idMapping(), pidNamespace(), mountNamespace(), descriptors()];
}

/**
 * Returns the remedy for missing capabilities. Root lacks a capability only if a container engine or a systemd service has
 * removed it, so the remedy for root is an option of the engine or the service.
 * @param names as in `CAP_SYS_ADMIN`
 */
export function capabilityRemedy(names: readonly string[]): string {
  if (process.getuid?.() !== 0) return 'run the castle as root on the host';
  const options = names.map((name) => `--cap-add ${name.replace(/^CAP_/, '')}`).join(' ');
  return `give the castle the missing capabilities: in a container, docker run ${options}; in a systemd service, CapabilityBoundingSet=${names.join(' ')} besides those it has`;
}

function capabilities(): Finding {
  const lacking = needed.filter(({ bit }) => !hasCapability(bit));
  if (lacking.length === 0)
    return ok('capabilities', `uid ${process.getuid?.()} has all that the castle needs`);
  const list = lacking.map(({ name, why }) => `${name} (${why})`).join(', ');
  return missing(
    'capabilities',
    `uid ${process.getuid?.()} lacks ${list}`,
    capabilityRemedy(lacking.map(({ name }) => name)),
  );
}

function idMapping(): Finding {
  const lacking = forMaps.filter(({ bit }) => !hasCapability(bit)).map(({ name }) => name);
  if (lacking.length === 0)
    return ok('id mapping', 'the ids of a volume can be mapped to those of a container');
  return warning(
    'id mapping',
    `without ${lacking.join(', ')}, the ids of a volume cannot be mapped: in a container, files have the ids that they have on the disk`,
    `if containers do not run as the owner of their volume: ${capabilityRemedy(lacking)}`,
  );
}

function pidNamespace(): Finding {
  if (namespaceOf('self', 'pid') === firstPidNamespace) return ok('PID namespace', "the host's");
  return warning(
    'PID namespace',
    'not the initial one of this machine: the castle refuses processes outside of it',
    "in a container, use the host's (docker run --pid host; hostPID: true in Kubernetes)",
  );
}

/** Compares with process 1, which is the host's when the castle is in the host's PID namespace. */
function mountNamespace(): Finding {
  const what = 'mount namespace';
  try {
    if (namespaceOf('self', 'mnt') === namespaceOf(1, 'mnt')) return ok(what, "the host's");
  } catch {
    return warning(
      what,
      'the mount namespace of process 1 cannot be read',
      capabilityRemedy(['CAP_SYS_PTRACE']),
    );
  }
  return warning(
    what,
    'not that of process 1: later mounts of the host are not visible to the castle',
    'run the castle as a service without PrivateMounts= or another option that creates a mount namespace; for a container, see Dockerfile.castle.example',
  );
}

function descriptors(): Finding {
  const line = /^Max open files\s+(\d+)\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  // Node raises the soft limit to the hard one at its start.
  const limit = line?.[2] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line?.[2] ?? 0);
  if (limit >= enoughDescriptors) return ok('descriptors', `at most ${limit}`);
  return warning('descriptors', `at most ${limit}`, `raise LimitNOFILE to ${enoughDescriptors} or more`);
}
