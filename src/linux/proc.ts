import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Which process a pid meant at one time: the number alone is used again, number and start time together are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks between boot and the start of the process. */
  readonly startTicks: string;
  /** Which boot the ticks count from. */
  readonly bootId: string;
}

/** This boot's id; random(4), /proc/sys/kernel/random/boot_id. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/**
 * Identifies a process.
 * @throws Error with code ENOENT or ESRCH when there is none
 */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: statFields(pid)[19] ?? '', bootId: bootId() };
}

/** Fields 3 and on of /proc/PID/stat; the name before them may hold spaces and parentheses, so they follow the last one. */
function statFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Whether a process that was identified before is still the one with that number, alive or not yet reaped. */
export function isStillThere(identity: ProcessIdentity): boolean {
  try {
    const now = identify(identity.pid);
    return now.startTicks === identity.startTicks && now.bootId === identity.bootId;
  } catch {
    return false;
  }
}

/**
 * Reads what all threads of a process share. A first thread that has ended before the others (pthread_exit in main)
 * has lost it, and /proc/PID with it; any thread that lives still has it.
 * @param read reads below the folder that it is given, /proc/PID or /proc/PID/task/TID
 * @throws what reading by the first thread threw, when no thread has it
 */
export function fromAnyThread<T>(pid: number | 'self', read: (folder: string) => T): T {
  try {
    return read(`/proc/${pid}`);
  } catch (thrown) {
    for (const thread of threadsOf(pid)) {
      try {
        return read(`/proc/${pid}/task/${thread}`);
      } catch {
        // This one has ended too.
      }
    }
    throw thrown;
  }
}

function threadsOf(pid: number | 'self'): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** The inode number that names a namespace of a process, as in `pid:[4026531836]`; namespaces(7). */
export function namespaceOf(pid: number | 'self', kind: 'pid' | 'mnt' | 'user'): string {
  return fromAnyThread(pid, (folder) => readlinkSync(`${folder}/ns/${kind}`));
}

/** The numbers of all processes that are there now. */
export function processes(): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** Values of /proc/PID/status by name. */
export function readStatus(pid: number): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
  return new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
}

/** Whether the castle has a capability now. @param number as in capabilities(7) and linux/capability.h */
export function hasCapability(number: number): boolean {
  const effective = BigInt(`0x${readStatus(process.pid).get('CapEff') ?? '0'}`);
  return ((effective >> BigInt(number)) & 1n) === 1n;
}

/** The environment that a process was started with; what it has changed since may be in it, or not. */
export function environmentOf(pid: number): ReadonlyMap<string, string> {
  const text = fromAnyThread(pid, (folder) => readFileSync(`${folder}/environ`, 'utf8'));
  return new Map(
    text.split('\0').map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}
