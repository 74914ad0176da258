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
}
