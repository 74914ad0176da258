import type { ProcessIdentity } from '../../linux/proc.ts';
import type { IdLabel } from './idmap-label.ts';

/** A container as the runtime and the kernel report it. Nothing in here comes from a request. */
export interface Container {
  /** The id that the runtime gave the container. */
  readonly id: string;
  /** Its name. */
  readonly name: string;
  /** Its first process. The container ends with it. */
  readonly first: ProcessIdentity;
  /** The volumes that the orchestrator permits the container to use. */
  readonly volumes: 'any' | readonly string[];
  /** Whether the container's mounts of volumes are read-only. */
  readonly readonly: boolean;
  /**
   * Whether other containers may write to its volume at the same time. A volume that is created for the container is then
   * shared.
   */
  readonly shared: boolean;
  /** How the ids of its volume are mapped; undefined: the owner of the volume appears as the user of the container. */
  readonly idmap?: IdLabel;
  /** The size of a volume that is created for it, in bytes; undefined: the default of the backend. */
  readonly sizeBytes?: number;
  /** The snapshot from which a volume is created for it: its id, or `latest:VOLUME`. */
  readonly snapshot?: string;
  /** Set when this represents a mount on the host for an engine (volume driver); its first process is then the castle. */
  readonly engineMount?: true;
}

/** A container that was looked up by its name, running or not. */
export interface KnownContainer extends Pick<Container, 'id' | 'name' | 'volumes'> {
  /** The container with its first process; undefined when it is not running. */
  readonly running?: Container;
}

/** The process at the other end of a connection, as the kernel reports it; held by a pidfd as long as the connection lasts. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** A container runtime on this host. */
export interface Runtime {
  readonly name: string;
  /**
   * Returns the container that a process runs in; undefined when it runs in none.
   * @throws RefusalError not_permitted when it is in a container of another runtime, backend_failed when the engine does not
   *   answer
   */
  containerOf(peer: Peer): Promise<Container | undefined>;
  /**
   * Looks up a container.
   * @param name its id or its name
   * @returns undefined when there is none
   * @throws RefusalError not_permitted when the engine and the kernel disagree about it, backend_failed when the engine does not
   *   answer
   */
  find(name: string): Promise<KnownContainer | undefined>;
  /** Follows the events of containers from now on; absent for runtimes without an engine. */
  readonly follow?: (listener: EngineListener) => EngineWatch;
  /**
   * Returns the names of the running, paused and restarting containers that use the engine's volume of this name.
   * @throws RefusalError backend_failed when the engine does not answer
   */
  readonly usersOf?: (volume: string) => Promise<readonly string[]>;
}

/** An event of a container with the label castle.volume. */
export interface ContainerEvent {
  readonly kind: 'died' | 'stopped' | 'killed' | 'oom' | 'destroyed' | 'paused' | 'resumed';
  /** The engine's id of the container. */
  readonly id: string;
  readonly name: string;
  /** The volume that its label names. */
  readonly volume?: string;
  /** died: its exit code; killed: the number of the signal. */
  readonly detail?: string;
  /** When, in milliseconds since 1970, by the clock of the host. */
  readonly atMs: number;
}

/** Receives the events of an engine. */
export interface EngineListener {
  event(event: ContainerEvent): void;
  /**
   * Called after each connection with the ids of all running containers, with and without the label.
   * @param atMs when the list was requested, in milliseconds since 1970: containers that started later may be missing
   */
  running(ids: ReadonlySet<string>, atMs: number): void;
  connected(): void;
  disconnected(reason: string): void;
}

export interface EngineWatch {
  /** Whether the event stream is connected. */
  connected(): boolean;
  /** Passes the list of running containers to the listener again, if the engine is connected. */
  compare(): Promise<void>;
  /** Stops; the listener is not called afterwards. */
  stop(): void;
}
