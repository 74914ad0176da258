import type { ProcessIdentity } from '../proc.ts';

/** A container as the runtime and the kernel describe it; nothing in here comes from a request. */
export interface Container {
  /** The runtime's id. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** Its first process: it ends, the container has ended. */
  readonly first: ProcessIdentity;
  /** The volumes that the orchestrator gave it. */
  readonly volumes: 'any' | readonly string[];
  /** Whether it may only read them. */
  readonly readonly: boolean;
  /** How large a volume is to be that is made for it, in bytes; undefined: as large as the backend makes them. */
  readonly sizeBytes?: number;
  /** It stands for a mount on the host that an engine puts into a container; its first process is the castle. */
  readonly engineMount?: true;
}

/** A process that asks: the kernel's word, held by a pidfd as long as its connection lasts. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What runs containers on this host. */
export interface Runtime {
  readonly name: string;
  /**
   * The container that a process runs in, or undefined when it runs in none.
   * @throws Refused not_permitted when it is in something that this runtime doesn't know, backend_failed when the
   *   runtime cannot be asked
   */
  containerOf(peer: Peer): Promise<Container | undefined>;
  /** Tells what becomes of containers, from now on; runtimes without an engine have nothing to tell. */
  readonly follow?: (listener: EngineListener) => EngineWatch;
  /**
   * The names of the containers that run, or are to run again, with a volume of the engine's by that name.
   * @throws Refused backend_failed when the engine cannot be asked
   */
  readonly usersOf?: (volume: string) => Promise<readonly string[]>;
}

/** What an engine tells of a container that may have storage. */
export interface ContainerEvent {
  readonly kind: 'died' | 'stopped' | 'killed' | 'oom' | 'destroyed' | 'paused' | 'resumed';
  /** The engine's id of the container. */
  readonly id: string;
  readonly name: string;
  /** The volume that its label names. */
  readonly volume?: string;
  /** died: with which exit code; killed: by which signal, by its number. */
  readonly detail?: string;
  /** When, in milliseconds since 1970, by the engine's clock, which is the host's. */
  readonly atMs: number;
}

/** Who is told. */
export interface EngineListener {
  event(event: ContainerEvent): void;
  /**
   * After each connection: the ids of all containers that run, those without storage too.
   * @param atMs when the engine was asked: what began later may be missing
   */
  running(ids: ReadonlySet<string>, atMs: number): void;
  found(): void;
  lost(why: string): void;
}

export interface EngineWatch {
  /** Whether events arrive. */
  connected(): boolean;
  /** Nothing is told afterwards. */
  stop(): void;
}
