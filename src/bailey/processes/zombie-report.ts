import type { ContainerOfProcess, ProcessLimit } from './process-cgroup.ts';
import type { SignalState } from './process-status.ts';
import type { WaitState } from './wait-state.ts';

/** One defunct process. */
export interface Zombie {
  readonly pid: number;
  readonly name: string;
  /** Start time, ISO 8601, UTC. The kernel does not record when a process became a zombie. */
  readonly started: string;
  readonly ageSeconds: number;
  /** How long bailey has observed it as defunct; at most `ageSeconds`. */
  readonly defunctSeconds: number;
  /** Pid of a tracer other than the parent: the tracer must wait for the process first. */
  readonly tracer?: number;
}

/** PID 1 of a PID namespace, which adopts orphans unless there is a subreaper. */
export interface NamespaceInit {
  readonly pid: number;
  readonly name: string;
  /** Whether it is a program that is known to reap adopted processes. */
  readonly reaps: boolean;
}

/** The process that should reap, and the known facts about why it does not. */
export interface Parent {
  /** 0 when the parent is outside of this PID namespace. */
  readonly pid: number;
  readonly name: string;
  /** Empty when it cannot be read. */
  readonly commandLine: readonly string[];
  /** As in /proc/PID/stat; `?` when the parent is not visible. */
  readonly state: string;
  /** Its pid in each PID namespace, outermost first. */
  readonly namespacePids: readonly number[];
  readonly isPid1: boolean;
  /** Whether it is in the machine's own PID namespace; absent when that cannot be read. */
  readonly inInitialNamespace?: boolean;
  readonly reaps: boolean;
  readonly frozen: boolean;
  readonly sigchld?: SignalState;
  readonly waiting: WaitState;
  readonly container?: ContainerOfProcess;
  readonly pids?: ProcessLimit;
  /** The process that would adopt the zombies if this parent ended; absent for PID 1 and if not visible. */
  readonly adopter?: NamespaceInit;
}

/** A parent, its zombies (oldest first), and the problem. */
export interface ZombieGroup extends Diagnosis {
  readonly parent: Parent;
  readonly cause: Cause;
  readonly zombies: readonly Zombie[];
}

/** A process whose main thread has exited while others run: listed as defunct, but alive. */
export interface EndedLeader {
  readonly pid: number;
  readonly name: string;
  readonly threads: number;
}

export interface ZombieReport {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly processes: number;
  readonly zombies: number;
  /** Most zombies first. */
  readonly parents: readonly ZombieGroup[];
  readonly endedLeaders: readonly EndedLeader[];
  /** The mount option of /proc that hides processes of other users. */
  readonly hidepid?: string;
}

/** Why zombies stay. */
export type Cause =
  | 'traced' // a tracer has not collected their exit status
  | 'parent-outside' // the parent is in another PID namespace, or hidden
  | 'parent-frozen' // the parent's cgroup is frozen
  | 'parent-stopped' // the parent is stopped, by a signal or a tracer
  | 'parent-uninterruptible' // the parent is stuck in the kernel
  | 'pid1-does-not-reap' // PID 1 of the namespace is not an init
  | 'init-busy' // PID 1 is an init, but has not reaped them
  | 'waits-for-another' // the parent waits for one child only
  | 'sigchld-blocked' // SIGCHLD is pending, but blocked
  | 'sigchld-ignored' // SIGCHLD is ignored, but only since after they exited
  | 'handler-misses' // SIGCHLD has a handler, but it does not wait for them
  | 'never-waits'; // the parent does not react to the exit of a child

/** The problem and the remedy. */
export interface Diagnosis {
  readonly problem: string;
  readonly remedy: string;
}
