import { setTimeout as pause } from 'node:timers/promises';
import { readProcessTable } from '../src/bailey/processes/process-table.ts';
import type { ProcessStat } from '../src/linux/process-stat.ts';
import { errorCode } from '../src/terminal/failure.ts';
import { type ChildProgram, startProgram } from './child-program.ts';
import { programName } from './program-name.ts';
import { until } from './until.ts';

/** What runs in a container. */
export interface ContainerSettings {
  /** PID 1 and its arguments. */
  readonly command: readonly string[];
  /** JENKINS_HOME. */
  readonly home: string;
  /** The container's whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A container made of Linux namespaces. */
export interface Container {
  /** PID 1 of the container, by the host's process id. */
  readonly pid1: number;
  /** JENKINS_HOME in the container. */
  readonly home: string;
  /** The output of its programs, line by line. */
  readonly lines: readonly string[];
  /** Exit code, or 128+n after signal n; undefined while it runs. */
  code(): number | undefined;
  /** The oldest child of PID 1: bailey, and later java in the same process. */
  mainChild(): ProcessStat | undefined;
  /** Sends PID 1 a signal and waits until the container has ended; sends SIGKILL when that takes too long. */
  stop(signal: NodeJS.Signals, withinMs: number): Promise<number>;
}

/** New PID, mount, IPC and UTS namespaces. The network is the host's, because only the castle's socket is needed. */
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

const startWithinMs = 10_000;

/** Starts a container, and returns when its PID 1 runs the first program of the command. */
export async function startContainer(
  { command, home, env }: ContainerSettings,
  signal: AbortSignal,
): Promise<Container> {
  const unshareProgram = await startProgram([...unshare, ...command], env);
  const oldestChildOf = (parent: number) =>
    [...readProcessTable().values()]
      .filter(({ ppid, state }) => ppid === parent && state !== 'Z')
      // The main child is older than every orphan that PID 1 adopts.
      .sort((one, other) => one.startTicks - other.startTicks)[0];
  const prematureEnd = () =>
    unshareProgram.code() === undefined
      ? undefined
      : `it ended with ${unshareProgram.code()}: ${unshareProgram.lines.join(' / ')}`;
  try {
    const { pid } = await until(
      () => {
        const child = oldestChildOf(unshareProgram.pid);
        return child === undefined || programName(child) === 'unshare' ? undefined : child;
      },
      { what: 'PID 1 of the container runs', withinMs: startWithinMs, signal, impossible: prematureEnd },
    );
    return {
      pid1: pid,
      home,
      lines: unshareProgram.lines,
      code: unshareProgram.code,
      mainChild: () => oldestChildOf(pid),
      stop: (by, withinMs) => stop(pid, by, withinMs),
    };
  } catch (thrown) {
    await killUnfinished(unshareProgram);
    throw thrown;
  }

  async function stop(pid: number, by: NodeJS.Signals, withinMs: number): Promise<number> {
    if (unshareProgram.code() === undefined) signalUnlessEnded(pid, by);
    const kill = setTimeout(() => unshareProgram.kill('SIGKILL'), withinMs);
    const code = await unshareProgram.ended;
    clearTimeout(kill);
    return code;
  }
}

/**
 * Kills unshare and its child. unshare's --kill-child takes effect some time after its fork: killed in between, it would
 * leave the container running. So it is stopped first: then it forks no more, and its child can be found.
 */
async function killUnfinished(unshareProgram: ChildProgram): Promise<void> {
  const { pid } = unshareProgram;
  unshareProgram.kill('SIGSTOP');
  while (unshareProgram.code() === undefined && !'TZ'.includes(readProcessTable().get(pid)?.state ?? 'Z'))
    await pause(5);
  for (const child of readProcessTable().values())
    if (child.ppid === pid) signalUnlessEnded(child.pid, 'SIGKILL');
  unshareProgram.kill('SIGKILL');
  await unshareProgram.ended;
}

/** Sends a signal. The container may have ended, and Node may not have emitted the event yet. */
function signalUnlessEnded(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (errorCode(thrown) !== 'ESRCH') throw thrown;
  }
}
