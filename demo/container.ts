import { setTimeout as pause } from 'node:timers/promises';
import { readProcessTable } from '../src/bailey/processes/table.ts';
import type { ProcessStat } from '../src/linux/process-stat.ts';
import { errorCode } from '../src/terminal/failure.ts';
import { type Started, start } from './started.ts';
import { until } from './until.ts';

/** A container made of Linux namespaces. */
export interface Container {
  /** PID 1 of the container, as a number out here. */
  readonly pid1: number;
  /** JENKINS_HOME in the container. */
  readonly home: string;
  /** What its programs have printed. */
  readonly lines: readonly string[];
  /** Exit code, or 128+n after signal n; undefined while it runs. */
  code(): number | undefined;
  /** PID 1's main child: bailey, and java from when bailey has become it. */
  mainChild(): ProcessStat | undefined;
  /** Sends PID 1 a signal and waits until the container has ended; by force when that takes too long. */
  stop(signal: NodeJS.Signals, withinMs: number): Promise<number>;
}

/** PID, mount, IPC and UTS namespaces of its own; the network is the host's, so that the castle's socket is all it needs. */
const unshare = [
  'unshare',
  '--pid',
  '--mount',
  '--ipc',
  '--uts',
  '--fork',
  '--mount-proc',
  '--kill-child',
  '--',
];

/** What runs in it: the two lines that an image's ENTRYPOINT has. */
export const entrypoint = ['bailey-init', '--', 'bailey', 'jenkins'] as const;

const startsWithinMs = 10_000;

/**
 * Starts a container whose PID 1 is bailey-init with `bailey jenkins`.
 * @param env the container's whole environment
 */
export async function startContainer(
  home: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Container> {
  const command = ['dist/bailey-init', '--', process.execPath, 'dist/bailey.js', 'jenkins'];
  const holder = await start([...unshare, ...command], env);
  const childOf = (parent: number) =>
    [...readProcessTable().values()]
      .filter(({ ppid, state }) => ppid === parent && state !== 'Z')
      // The main child is older than any orphan that PID 1 adopts.
      .sort((one, other) => one.startTicks - other.startTicks)[0];
  const end = () =>
    holder.code() === undefined ? undefined : `it ended with ${holder.code()}: ${holder.lines.join(' / ')}`;
  try {
    const { pid } = await until(
      () => {
        const child = childOf(holder.pid);
        return child?.name === 'bailey-init' ? child : undefined;
      },
      { what: 'bailey-init is PID 1 of the container', withinMs: startsWithinMs, signal, hopeless: end },
    );
    return {
      pid1: pid,
      home,
      lines: holder.lines,
      code: holder.code,
      mainChild: () => childOf(pid),
      stop: (by, withinMs) => stop(pid, by, withinMs),
    };
  } catch (thrown) {
    await killHalfMade(holder);
    throw thrown;
  }

  async function stop(pid: number, by: NodeJS.Signals, withinMs: number): Promise<number> {
    if (holder.code() === undefined) signalUnlessEnded(pid, by);
    const force = setTimeout(() => holder.kill('SIGKILL'), withinMs);
    const code = await holder.ended;
    clearTimeout(force);
    return code;
  }
}

/**
 * Kills unshare and its child. Its --kill-child takes effect some time after its fork: killed in between, it would
 * leave the container behind. Stopped, it forks no more, and its child can be found.
 */
async function killHalfMade(holder: Started): Promise<void> {
  holder.kill('SIGSTOP');
  while (holder.code() === undefined && !'TZ'.includes(readProcessTable().get(holder.pid)?.state ?? 'Z'))
    await pause(5);
  for (const { pid, ppid } of readProcessTable().values())
    if (ppid === holder.pid) signalUnlessEnded(pid, 'SIGKILL');
  holder.kill('SIGKILL');
  await holder.ended;
}

/** The container may have ended a moment ago, before we have been told of it. */
function signalUnlessEnded(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (errorCode(thrown) !== 'ESRCH') throw thrown;
  }
}
