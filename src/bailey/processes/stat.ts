/** One line of the process table: /proc/PID/stat, as far as we use it (proc(5)). */
export interface ProcessStat {
  readonly pid: number;
  /** At most 15 bytes, any bytes: spaces, parentheses and line feeds too. */
  readonly name: string;
  /** `R` running, `S` sleeping, `D` uninterruptible, `T` stopped, `t` stopped by a tracer, `Z` defunct, … */
  readonly state: string;
  /** 0 when the parent is not in this PID namespace. */
  readonly ppid: number;
  readonly session: number;
  /** Threads of the group, the leader counted even after it has ended. */
  readonly threads: number;
  /** Start, in clock ticks since boot; with the pid it names a process for good. */
  readonly startTicks: number;
}

/** /proc/PID/stat counts in USER_HZ, which is 100 on every architecture that Node runs on. */
export const ticksPerSecond = 100;

/**
 * Parses /proc/PID/stat. The name is neither quoted nor escaped, so a process named `a) Z (b` would shift every
 * field for who splits at spaces: it ends at the *last* parenthesis, because no later field has one.
 * @returns undefined when the text is no such line
 */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return undefined;
  const [state = '', ...rest] = text
    .slice(close + 1)
    .trim()
    .split(' ');
  // proc(5) numbers the fields from 1; `state` is field 3, so field n is rest[n - 4].
  const field = (n: number) => Number(rest[n - 4]);
  const stat = {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state,
    ppid: field(4),
    session: field(6),
    threads: field(20),
    startTicks: field(22),
  };
  return Number.isNaN(stat.pid + stat.ppid + stat.startTicks) ? undefined : stat;
}

/**
 * Whether the process is over and only its exit status is left for the parent to fetch. A thread group whose
 * leader has ended (pthread_exit in main) also shows `Z`, but it lives on in its other threads, and no parent can
 * reap it before the last of them is gone.
 */
export const isZombie = (stat: ProcessStat): boolean => stat.state === 'Z' && stat.threads <= 1;

/** Whether only the leading thread has ended: `Z` in every listing, and yet alive. */
export const isEndedLeader = (stat: ProcessStat): boolean => stat.state === 'Z' && stat.threads > 1;
