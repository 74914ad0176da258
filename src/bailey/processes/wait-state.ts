import { readdirSync } from 'node:fs';
import { errorCode } from '../../terminal/failure.ts';
import { readProcFile } from './proc-file.ts';

/** What a process currently waits for. */
export interface WaitState {
  /** The kernel function in which its main thread sleeps (/proc/PID/wchan); absent when running or not readable. */
  readonly sleepsIn?: string;
  /** Which children a thread in wait4 or waitid waits for; absent when not readable. */
  readonly waitsFor?: 'any child' | 'one child' | 'a group' | 'no child';
  /** The child that it waits for, if it is one. */
  readonly child?: number;
}

/** Numbers of the two system calls that reap (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). */
const waitCalls: Readonly<Record<string, { readonly wait4: number; readonly waitid: number }>> = {
  x64: { wait4: 61, waitid: 247 },
  arm64: { wait4: 260, waitid: 95 },
};

/** Maximum number of threads to examine: each costs a read, and a waiting thread is usually among the first. */
const maxThreads = 512;

/**
 * Reads which system call each thread of a process waits in. /proc/PID/syscall needs ptrace rights; without them wchan
 * still shows a wait (`do_wait`), but not for which child.
 */
export function readWaitState(proc: string, pid: number, arch: string): WaitState {
  const wchan = readProcFile(`${proc}/${pid}/wchan`);
  const sleepsIn = wchan === undefined || wchan === '' || wchan === '0' ? undefined : wchan;
  const calls = listThreads(proc, pid)
    .map((tid) => readProcFile(`${proc}/${pid}/task/${tid}/syscall`))
    .filter((text) => text !== undefined);
  const waits = calls.map((text) => parseWait(text, arch)).filter((wait) => wait !== undefined);
  const wait =
    waits.find(({ waitsFor }) => waitsFor === 'any child') ??
    waits[0] ??
    (sleepsIn === 'do_wait' ? {} : calls.length > 0 ? { waitsFor: 'no child' as const } : {});
  return { ...(sleepsIn === undefined ? {} : { sleepsIn }), ...wait };
}

/**
 * Parses a line of /proc/PID/syscall: `61 0xffffffffffffffff …` is wait4 for any child.
 * @returns undefined when the system call does not reap
 */
export function parseWait(text: string, arch: string): WaitState | undefined {
  const [call = '', first = '0x0', second = '0x0'] = text.trim().split(' ');
  const numbers = waitCalls[arch];
  if (numbers === undefined) return undefined;
  if (Number(call) === numbers.wait4) return waitFor4(asPid(first));
  if (Number(call) !== numbers.waitid) return undefined;
  const [any, one, group] = [0, 1, 2]; // P_ALL, P_PID, P_PGID; 3 is P_PIDFD
  const kind = Number(first);
  if (kind === any) return { waitsFor: 'any child' };
  if (kind === one) return waitFor4(asPid(second));
  return { waitsFor: kind === group ? 'a group' : 'one child' };
}

/** wait4's first argument: -1 any child, 0 and below -1 a process group, else one child. */
function waitFor4(pid: number): WaitState {
  if (pid === -1) return { waitsFor: 'any child' };
  return pid > 0 ? { waitsFor: 'one child', child: pid } : { waitsFor: 'a group' };
}

/** pid_t is a signed 32-bit integer; the upper half of the register is undefined. */
const asPid = (hex: string): number =>
  /^0x[0-9a-f]+$/.test(hex) ? Number(BigInt.asIntN(32, BigInt(hex))) : 0;

function listThreads(proc: string, pid: number): readonly string[] {
  try {
    return readdirSync(`${proc}/${pid}/task`).slice(0, maxThreads);
  } catch (thrown) {
    if (errorCode(thrown) !== undefined) return [];
    throw thrown;
  }
}
