import { setTimeout as pause } from 'node:timers/promises';
import pidusage from 'pidusage';
import { findZombies } from '../src/bailey/processes/find-zombies.ts';
import { readProcFile, readProcLink } from '../src/bailey/processes/proc-file.ts';
import { type MountLine, mountOf, parseMountinfo } from '../src/linux/mountinfo.ts';
import type { Container } from './container.ts';
import { programName } from './program-name.ts';

/** The cost of bailey-init as PID 1. */
export interface InitFigures {
  /** Resident memory, KB. */
  readonly residentKb: number;
  /** CPU time since its start, ms. */
  readonly cpuMs: number;
  /** How often it went to sleep, which is how often it was woken, since its start. */
  readonly wakeUps: number;
}

/** The figures of a container that are visible from outside. */
export interface Figures {
  /** undefined when PID 1 is not bailey-init. */
  readonly init: InitFigures | undefined;
  /** Zombies in the container that their parents do not reap. */
  readonly zombies: number;
  /** The mount on JENKINS_HOME; undefined when nothing is mounted there. */
  readonly mount: MountLine | undefined;
  /** The main child; undefined when there is none. */
  readonly controller:
    | { readonly name: string; readonly memoryMb: number; readonly cpuPercent: number }
    | undefined;
}

/**
 * Reads a container's figures from outside, through /proc.
 * @param hasInit whether PID 1 is bailey-init
 * @param firstSeen for repeated calls: when each zombie was first seen
 */
export async function readFigures(
  container: Container,
  hasInit: boolean,
  firstSeen = new Map<string, number>(),
): Promise<Figures> {
  return {
    init: hasInit ? readInitFigures(container.pid1) : undefined,
    zombies: await countZombies(container.pid1, firstSeen),
    mount: homeMount(container),
    controller: await readController(container),
  };
}

/** PID 1's memory, CPU and wake-ups (proc(5): smaps_rollup, schedstat, status). */
export function readInitFigures(pid: number): InitFigures {
  const read = (file: string) => readProcFile(`/proc/${pid}/${file}`) ?? '';
  return {
    residentKb: Number(/^Rss:\s+(\d+)/m.exec(read('smaps_rollup'))?.[1] ?? Number.NaN),
    cpuMs: Number(read('schedstat').split(' ')[0] || Number.NaN) / 1e6,
    wakeUps: Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(read('status'))?.[1] ?? Number.NaN),
  };
}

/** On a busy machine a shell may take this long to reap its own child. */
const reapsOwnChildSeconds = 1;

/**
 * Counts zombies as `bailey zombies` finds them, in the container's PID namespace only. A zombie of PID 1 counts immediately; one
 * of another parent counts when the parent has had time to reap it.
 * @param firstSeen when each zombie was first seen, by earlier calls
 */
async function countZombies(pid1: number, firstSeen: Map<string, number>): Promise<number> {
  const namespace = readProcLink(`/proc/${pid1}/ns/pid`);
  const source = { uid: 0, arch: process.arch, now: Date.now, pause: (ms: number) => pause(ms) };
  const { parents } = await findZombies(source, firstSeen);
  return parents
    .flatMap(({ parent, zombies }) =>
      zombies.filter(({ defunctSeconds }) => parent.pid === pid1 || defunctSeconds >= reapsOwnChildSeconds),
    )
    .filter(({ pid }) => readProcLink(`/proc/${pid}/ns/pid`) === namespace).length;
}

function homeMount({ pid1, home }: Container): MountLine | undefined {
  const mount = mountOf(parseMountinfo(readProcFile(`/proc/${pid1}/mountinfo`) ?? ''), home);
  return mount?.point === home ? mount : undefined;
}

async function readController(container: Container): Promise<Figures['controller']> {
  const main = container.mainChild();
  if (main === undefined) return undefined;
  const usage = await pidusage(main.pid).catch(() => undefined);
  return usage && { name: programName(main), memoryMb: usage.memory / 2 ** 20, cpuPercent: usage.cpu };
}
