import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pidusage from 'pidusage';
import { readProcFile, readProcLink } from '../src/bailey/processes/proc-file.ts';
import { findZombies } from '../src/bailey/processes/zombies.ts';
import { type MountLine, mountOf, parseMountinfo } from '../src/linux/mountinfo.ts';
import type { ProcessStat } from '../src/linux/process-stat.ts';
import type { Container } from './container.ts';

/** What PID 1 costs. */
export interface InitFigures {
  /** Resident memory, KB. */
  readonly residentKb: number;
  /** CPU time since its start, ms. */
  readonly cpuMs: number;
  /** How often it has gone to sleep, and so been woken, since its start. */
  readonly wakeUps: number;
}

/** What can be seen of a container from outside. */
export interface Figures {
  readonly init: InitFigures;
  /** Defunct processes in the container that nobody is about to reap. */
  readonly zombies: number;
  /** The mount on JENKINS_HOME; undefined when nothing is mounted there. */
  readonly mount: MountLine | undefined;
  /** Of the main child; undefined when it has just ended. */
  readonly controller:
    | { readonly name: string; readonly memoryMb: number; readonly cpuPercent: number }
    | undefined;
}

/**
 * Reads a container's figures from outside, through /proc.
 * @param seenSince for who reads them repeatedly: since when each zombie has been seen
 */
export async function readFigures(
  container: Container,
  seenSince = new Map<string, number>(),
): Promise<Figures> {
  return {
    init: readInitFigures(container.pid1),
    zombies: await countZombies(container.pid1, seenSince),
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

/** A busy shell may take this long to be scheduled and fetch its own child. */
const ownChildSeconds = 1;

/**
 * As `bailey zombies` finds them, and of those only the ones in the container's PID namespace: what PID 1 leaves lying
 * about at once, what another parent does when it is not on its way any more.
 * @param seenSince what was seen when the figures were read before
 */
async function countZombies(pid1: number, seenSince: Map<string, number>): Promise<number> {
  const namespace = readProcLink(`/proc/${pid1}/ns/pid`);
  const source = { uid: 0, arch: process.arch, now: Date.now, pause: (ms: number) => pause(ms) };
  const { parents } = await findZombies(source, seenSince);
  return parents
    .flatMap(({ parent, zombies }) =>
      zombies.filter(({ defunctSeconds }) => parent.pid === pid1 || defunctSeconds >= ownChildSeconds),
    )
    .filter(({ pid }) => readProcLink(`/proc/${pid}/ns/pid`) === namespace).length;
}

function homeMount({ pid1, home }: Container): MountLine | undefined {
  const mount = mountOf(parseMountinfo(readProcFile(`/proc/${pid1}/mountinfo`) ?? ''), home);
  return mount?.point === home ? mount : undefined;
}

/** What a process runs. Not its name: threads rename themselves, node's main one too. */
export const programOf = ({ pid, name }: ProcessStat): string =>
  basename(readProcLink(`/proc/${pid}/exe`) ?? name);

async function readController(container: Container): Promise<Figures['controller']> {
  const main = container.mainChild();
  if (main === undefined) return undefined;
  const usage = await pidusage(main.pid).catch(() => undefined);
  return usage && { name: programOf(main), memoryMb: usage.memory / 2 ** 20, cpuPercent: usage.cpu };
}
