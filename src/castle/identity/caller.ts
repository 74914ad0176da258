import type { Native } from '../../linux/native-addon.ts';
import { namespaceOf } from '../../linux/proc.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container, Peer, Runtime } from '../runtimes/runtime.ts';

/** The sender of a request: a container, or a process of root on the host, which may administer everything. */
export type Caller =
  | { readonly kind: 'container'; readonly container: Container; readonly peer: Peer }
  | Host;
export interface Host {
  readonly kind: 'host';
}

/** The process at the other end of a connection. */
export interface Connection {
  readonly peer: Peer;
  /** Whether that process is still alive; not a later process with the same pid. */
  isAlive(): boolean;
  close(): void;
}

/**
 * Holds a pidfd of the peer of a new connection, so that a later process with the same pid is not taken for the peer.
 * @param fd descriptor of the accepted socket
 * @throws Error with code ESRCH when the peer has already ended
 */
export function holdPeer(native: Native, fd: number, close: (fd: number) => void): Connection {
  const { pid, uid, gid, pidfd } = native.peer(fd);
  return { peer: { pid, uid, gid }, isAlive: () => native.pidfdAlive(pidfd), close: () => close(pidfd) };
}

/**
 * Identifies the caller of a connection. If the peer has ended afterwards, the data from /proc may belong to another process that
 * reused its pid, so the request is refused.
 * @throws RefusalError not_permitted
 */
export async function callerOf(connection: Connection, runtime: Runtime): Promise<Caller> {
  const { peer } = connection;
  if (peer.pid === 0) {
    throw new RefusalError(
      'not_permitted',
      'the process that sent the request is not visible to the castle',
      'run the castle in the PID namespace of the host',
    );
  }
  const caller = await identifyCaller(peer, runtime);
  if (!connection.isAlive()) {
    throw new RefusalError(
      'not_permitted',
      `process ${peer.pid} ended during its request`,
      'send the request from a process that waits for the answer',
    );
  }
  return caller;
}

async function identifyCaller(peer: Peer, runtime: Runtime): Promise<Caller> {
  const container = await runtime.containerOf(peer);
  if (container !== undefined) return { kind: 'container', container, peer };
  // In another PID namespace, but in no container of this runtime: another engine's container, not root of the host.
  if (!isOnHost(peer)) {
    throw new RefusalError(
      'not_permitted',
      `process ${peer.pid} is in a PID namespace that the runtime ${runtime.name} did not create`,
      'start the castle with the --runtime of this container',
    );
  }
  if (peer.uid !== 0 && peer.uid !== process.getuid?.()) {
    throw new RefusalError(
      'not_permitted',
      `uid ${peer.uid} of the host may not use the castle`,
      'run the command as root',
    );
  }
  return { kind: 'host' };
}

function isOnHost(peer: Peer): boolean {
  try {
    return namespaceOf(peer.pid, 'pid') === namespaceOf('self', 'pid');
  } catch {
    return false;
  }
}
