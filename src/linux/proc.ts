import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { errorCode } from '../terminal/failure.ts';
import { parseStat } from './process-stat.ts';

/** Identifies a process uniquely: the kernel reuses pids, but not a pid together with a start time. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process: field 22 of /proc/PID/stat. */
  readonly startTicks: string;
  /** The id of the boot from which the ticks are counted. */
  readonly bootId: string;
}

/** Returns the id of this boot of the kernel; random(4), /proc/sys/kernel/random/boot_id. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/**
 * Identifies a process.
 * @throws Error with code ENOENT or ESRCH when the process does not exist
 */
export function identify(pid: number): ProcessIdentity {
  const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return { pid, startTicks: `${stat?.startTicks ?? ''}`, bootId: bootId() };
}

/** Whether reading a file below /proc/PID failed because there is no such process, or because it is ending; proc(5). */
export const isNoProcess = (thrown: unknown): boolean =>
  errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ESRCH';

/** Whether a process that was identified before still exists, running or as a zombie. */
export function isStillThere(identity: ProcessIdentity): boolean {
  try {
    const now = identify(identity.pid);
    return now.startTicks === identity.startTicks && now.bootId === identity.bootId;
  } catch {
    return false;
  }
}

/**
 * Reads a file below /proc/PID whose content all threads of a process share. When the first thread has ended before the others
 * (pthread_exit in main), /proc/PID no longer shows it, but the folder of each remaining thread does.
 * @param read reads the file below its argument, /proc/PID or /proc/PID/task/TID
 * @throws the error for the first thread, when it cannot be read for any thread
 */
export function fromAnyThread<T>(pid: number | 'self', read: (folder: string) => T): T {
  try {
    return read(`/proc/${pid}`);
  } catch (thrown) {
    for (const thread of threadsOf(pid)) {
      try {
        return read(`/proc/${pid}/task/${thread}`);
      } catch {
        // This thread has ended too.
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

/** Returns the name of a namespace of a process, such as `pid:[4026531836]`; namespaces(7). */
export function namespaceOf(pid: number | 'self', kind: 'pid' | 'mnt' | 'user'): string {
  return fromAnyThread(pid, (folder) => readlinkSync(`${folder}/ns/${kind}`));
}

/** Returns the pids of all processes that exist now. */
export function processes(): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** Reads the values of /proc/PID/status by name. */
export const readStatus = (pid: number): ReadonlyMap<string, string> =>
  parseStatusFields(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** @param text the content of a /proc/PID/status: lines of a name, a colon and a value */
export function parseStatusFields(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
}

/** Whether this process has a capability in its effective set. @param number as in linux/capability.h */
export function hasCapability(number: number): boolean {
  const effective = BigInt(`0x${readStatus(process.pid).get('CapEff') ?? '0'}`);
  return ((effective >> BigInt(number)) & 1n) === 1n;
}

/** Returns the environment that a process was started with. Later changes by the process may or may not be included. */
export function environmentOf(pid: number): ReadonlyMap<string, string> {
  const text = fromAnyThread(pid, (folder) => readFileSync(`${folder}/environ`, 'utf8'));
  return new Map(
    text.split('\0').map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}
