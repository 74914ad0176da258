/** The fields of /proc/PID/stat that are used here; proc_pid_stat(5). This is the only parser of that file. */
export interface ProcessStat {
  readonly pid: number;
  /** At most 15 bytes, any bytes, including spaces, parentheses and line feeds. */
  readonly name: string;
  /** `R` running, `S` sleeping, `D` uninterruptible, `T` stopped, `t` stopped by a tracer, `Z` defunct, … */
  readonly state: string;
  /** 0 when the parent is not in this PID namespace. */
  readonly ppid: number;
  readonly session: number;
  /** Threads of the group, the leader counted even after it has ended. */
  readonly threads: number;
  /** Start of the process in clock ticks since boot; together with the pid it identifies the process uniquely. */
  readonly startTicks: number;
}

/** /proc/PID/stat counts in USER_HZ, which is 100 on every architecture that Node runs on. */
export const ticksPerSecond = 100;

/**
 * Parses /proc/PID/stat. The name is neither quoted nor escaped. It ends at the last parenthesis, because no later field
 * has one: a process may be named `a) Z (b`.
 * @returns undefined when the text is not such a line
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
 * Whether the process has ended and its parent has not reaped it. A process whose first thread has ended (pthread_exit in
 * main) also has the state `Z`, but its other threads still run, and its parent cannot reap it before the last of them ends.
 */
export const isZombie = (stat: ProcessStat): boolean => stat.state === 'Z' && stat.threads <= 1;

/** Whether only the first thread has ended: the state is `Z`, but the process is alive. */
export const isEndedLeader = (stat: ProcessStat): boolean => stat.state === 'Z' && stat.threads > 1;
