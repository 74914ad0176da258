import { cgroupMounts } from '../../linux/cgroup-folders.ts';
import type { MountLine } from '../../linux/mountinfo.ts';
import { isEndedLeader, isZombie, type ProcessStat, ticksPerSecond } from '../../linux/process-stat.ts';
import { isKnownInit } from './known-inits.ts';
import { procfs, readProcFile, readProcLink } from './proc-file.ts';
import { containerOf, isFrozen, tightestPidsLimit } from './process-cgroup.ts';
import { type ProcessStatus, parseStatus } from './process-status.ts';
import { hidepidOption, type ProcessTable, readProcessTable, uptimeSeconds } from './process-table.ts';
import { ancestors, byParent } from './process-tree.ts';
import { readWaitState } from './wait-state.ts';
import { causeOf, diagnose } from './zombie-diagnosis.ts';
import type { NamespaceInit, Parent, Zombie, ZombieGroup, ZombieReport } from './zombie-report.ts';

/** The environment to read from; tests may use another clock or directory. */
export interface ZombieSource {
  readonly uid: number;
  /** `process.arch`: system call numbers differ. */
  readonly arch: string;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly proc?: string;
}

/**
 * In milliseconds. Every process is a zombie between its exit and its parent's wait, so only zombies that still exist after
 * this time count.
 */
const recheckDelayMs = 100;

/**
 * Finds the zombies that stay, grouped by the parent that does not reap them.
 * @param seenSince when each zombie was first seen defunct (milliseconds by `source.now`); kept up to date here, so
 *   that a caller that calls repeatedly gets the time for which each has been defunct
 */
export async function findZombies(
  source: ZombieSource,
  seenSince = new Map<string, number>(),
): Promise<ZombieReport> {
  const proc = source.proc ?? procfs;
  const first = new Set(zombiesOf(readProcessTable(proc)).map(processKey));
  const since = source.now();
  if (first.size > 0) await source.pause(recheckDelayMs);
  const table = readProcessTable(proc);
  const staying = new Set(
    zombiesOf(table)
      .map(processKey)
      .filter((zombie) => first.has(zombie)),
  );
  for (const zombie of seenSince.keys()) if (!staying.has(zombie)) seenSince.delete(zombie);
  for (const zombie of staying) if (!seenSince.has(zombie)) seenSince.set(zombie, since);

  const scan = {
    proc,
    source,
    table,
    seenSince,
    mounts: cgroupMounts(readProcFile(`${proc}/self/mountinfo`) ?? ''),
  };
  const parents = [...byParent(table, (process) => staying.has(processKey(process)))]
    .map(([ppid, zombies]) => groupOf(scan, ppid, zombies))
    .sort((one, other) => other.zombies.length - one.zombies.length);
  const hidepid = hidepidOption(source.uid);
  return {
    at: new Date(source.now()).toISOString(),
    processes: table.size,
    zombies: staying.size,
    parents,
    endedLeaders: [...table.values()]
      .filter(isEndedLeader)
      // The ended leader is counted among the threads.
      .map(({ pid, name, threads }) => ({ pid, name, threads: threads - 1 })),
    ...(hidepid === undefined ? {} : { hidepid }),
  };
}

interface ScanContext {
  readonly proc: string;
  readonly source: ZombieSource;
  readonly table: ProcessTable;
  readonly seenSince: ReadonlyMap<string, number>;
  /** The mounts of the cgroup file systems. */
  readonly mounts: readonly MountLine[];
}

const zombiesOf = (table: ProcessTable): readonly ProcessStat[] => [...table.values()].filter(isZombie);

/** Pids are reused; pid and start time together are unique. */
const processKey = (process: ProcessStat): string => `${process.pid}@${process.startTicks}`;

function groupOf(scan: ScanContext, ppid: number, processes: readonly ProcessStat[]): ZombieGroup {
  const zombies = processes
    .map((process) => zombieOf(scan, process))
    .sort((one, other) => other.ageSeconds - one.ageSeconds);
  const parent = parentOf(scan, ppid, processes);
  const cause = causeOf(parent, zombies);
  return { parent, cause, ...diagnose(cause, parent, zombies), zombies };
}

function zombieOf({ proc, source, seenSince }: ScanContext, process: ProcessStat): Zombie {
  const ageSeconds = Math.max(0, uptimeSeconds(proc) - process.startTicks / ticksPerSecond);
  const now = source.now();
  const tracer = parseStatus(readProcFile(`${proc}/${process.pid}/status`) ?? '').tracer;
  return {
    pid: process.pid,
    name: process.name,
    started: new Date(now - ageSeconds * 1000).toISOString(),
    ageSeconds: Math.round(ageSeconds),
    defunctSeconds: Math.round((now - (seenSince.get(processKey(process)) ?? now)) / 100) / 10,
    ...(tracer !== 0 && tracer !== process.ppid ? { tracer } : {}),
  };
}

function parentOf(scan: ScanContext, ppid: number, zombies: readonly ProcessStat[]): Parent {
  const { proc, table, mounts } = scan;
  const stat = table.get(ppid);
  // If the parent is not visible, use the cgroup of the zombie (which cgroup v2 keeps).
  const cgroup = readProcFile(`${proc}/${stat === undefined ? zombies[0]?.pid : ppid}/cgroup`) ?? '';
  const container = containerOf(cgroup);
  const pids = tightestPidsLimit(cgroup, mounts);
  const context = {
    ...(container === undefined ? {} : { container }),
    ...(pids === undefined ? {} : { pids }),
  };
  if (stat === undefined) {
    const unknown = {
      name: '?',
      commandLine: [],
      state: '?',
      namespacePids: [],
      isPid1: false,
      reaps: false,
    };
    return { pid: ppid, ...unknown, frozen: false, waiting: {}, ...context };
  }
  const status = parseStatus(readProcFile(`${proc}/${ppid}/status`) ?? '');
  const isPid1 = ppid === 1 || (status.namespacePids.length > 1 && status.namespacePids.at(-1) === 1);
  const namespace = readProcLink(`${proc}/${ppid}/ns/pid`);
  const adopter = isPid1 ? undefined : findAdopter(scan, stat, status, namespace);
  return {
    pid: ppid,
    name: stat.name,
    commandLine: commandLineOf(proc, ppid),
    state: stat.state,
    namespacePids: status.namespacePids,
    isPid1,
    ...(namespace === undefined ? {} : { inInitialNamespace: namespace === initialNamespace }),
    reaps: reaps(proc, stat),
    frozen: isFrozen(cgroup, mounts),
    sigchld: status.sigchld,
    waiting: readWaitState(proc, ppid, scan.source.arch),
    ...context,
    ...(adopter === undefined ? {} : { adopter }),
  };
}

/** PROC_PID_INIT_INO of the kernel (include/linux/proc_ns.h): the first PID namespace always has this number. */
const initialNamespace = 'pid:[4026531836]';

/**
 * PID 1 of the process's PID namespace. Found by the namespace's number; without the right to read that, by the
 * nearest ancestor that is number 1 at the same depth (a process brought in by `docker exec` has none).
 */
function findAdopter(
  { proc, table }: ScanContext,
  process: ProcessStat,
  status: ProcessStatus,
  namespace: string | undefined,
): NamespaceInit | undefined {
  const depth = status.namespacePids.length;
  const isFirst = ({ pid }: ProcessStat) => {
    const pids = parseStatus(readProcFile(`${proc}/${pid}/status`) ?? '').namespacePids;
    return pid === 1 ? depth <= 1 : pids.length === depth && pids.at(-1) === 1;
  };
  const inNamespace = ({ pid }: ProcessStat) => readProcLink(`${proc}/${pid}/ns/pid`) === namespace;
  const first =
    namespace === undefined
      ? ancestors(table, process).find(isFirst)
      : [...table.values()].find((candidate) => inNamespace(candidate) && isFirst(candidate));
  return first && { pid: first.pid, name: first.name, reaps: reaps(proc, first) };
}

const reaps = (proc: string, { pid, name }: ProcessStat): boolean =>
  isKnownInit(name, readProcLink(`${proc}/${pid}/exe`), commandLineOf(proc, pid));

const commandLineOf = (proc: string, pid: number): readonly string[] =>
  (readProcFile(`${proc}/${pid}/cmdline`) ?? '').split('\0').slice(0, -1);
