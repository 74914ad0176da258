import type { ProcessIdentity } from '../../linux/proc.ts';
import type { IdLabel } from './idmap-label.ts';

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
  /** Whether it expects others to write to its volume at the same time; a volume that is made for it is shared then. */
  readonly shared: boolean;
  /** How the ids of its volume are shown to it; undefined: so that what the volume's owner has is its own. */
  readonly idmap?: IdLabel;
  /** How large a volume is to be that is made for it, in bytes; undefined: as large as the backend makes them. */
  readonly sizeBytes?: number;
  /** What a volume is to begin with that is made for it: a snapshot by its id, or `latest:VOLUME`. */
  readonly snapshot?: string;
  /** It stands for a mount on the host that an engine puts into a container; its first process is the castle. */
  readonly engineMount?: true;
}

/** A container that somebody names, whether it runs or not. */
export interface KnownContainer extends Pick<Container, 'id' | 'name' | 'volumes'> {
  /** What it is now that it runs; undefined when it doesn't. */
  readonly running?: Container;
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
   * @throws RefusalError not_permitted when it is in something that this runtime doesn't know, backend_failed when the
   *   runtime cannot be asked
   */
  containerOf(peer: Peer): Promise<Container | undefined>;
  /**
   * The container that is called so.
   * @param name its id, or what people call it
   * @returns undefined when there is none
   * @throws RefusalError not_permitted when what is there can't be right, backend_failed when the runtime cannot be asked
   */
  find(name: string): Promise<KnownContainer | undefined>;
  /** Tells what becomes of containers, from now on; runtimes without an engine have nothing to tell. */
  readonly follow?: (listener: EngineListener) => EngineWatch;
  /**
   * The names of the containers that run, or are to run again, with a volume of the engine's by that name.
   * @throws RefusalError backend_failed when the engine cannot be asked
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
  /** Tells once more which containers run, if the engine can be asked. */
  compare(): Promise<void>;
  /** Nothing is told afterwards. */
  stop(): void;
}
