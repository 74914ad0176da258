import type { Native } from '../../linux/native-addon.ts';
import { namespaceOf } from '../../linux/proc.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container, Peer, Runtime } from '../runtimes/runtime.ts';

/** Who is asking: a container, or somebody on the host who may look at everything. */
export type Caller =
  | { readonly kind: 'container'; readonly container: Container; readonly peer: Peer }
  | Host;
export interface Host {
  readonly kind: 'host';
}

/** The process at the other end of a connection. */
export interface Connection {
  readonly peer: Peer;
  /** Whether that process, and no later one of its number, is still alive. */
  isAlive(): boolean;
  close(): void;
}

/**
 * Holds the peer of a new connection by its pidfd, so that no later process can take its place.
 * @param fd descriptor of the accepted socket
 * @throws Error with code ESRCH when the peer has already ended
 */
export function holdPeer(native: Native, fd: number, close: (fd: number) => void): Connection {
  const { pid, uid, gid, pidfd } = native.peer(fd);
  return { peer: { pid, uid, gid }, isAlive: () => native.pidfdAlive(pidfd), close: () => close(pidfd) };
}

/**
 * Works out who is asking. Everything is read while the peer lives: it is looked at once more at the end, and what
 * was read of a process that has ended counts for nothing.
 * @throws RefusalError not_permitted
 */
export async function callerOf(connection: Connection, runtime: Runtime): Promise<Caller> {
  const { peer } = connection;
  if (peer.pid === 0) {
    throw new RefusalError(
      'not_permitted',
      'the asking process is not visible to the castle',
      'run the castle in the PID namespace of the host',
    );
  }
  const caller = await identifyCaller(peer, runtime);
  if (!connection.isAlive()) {
    throw new RefusalError(
      'not_permitted',
      `process ${peer.pid} ended while it was asking`,
      'ask from a running process',
    );
  }
  return caller;
}

async function identifyCaller(peer: Peer, runtime: Runtime): Promise<Caller> {
  const container = await runtime.containerOf(peer);
  if (container !== undefined) return { kind: 'container', container, peer };
  // In another PID namespace, yet in no container of this runtime: some other engine's, and not the host's root.
  if (!isOnHost(peer)) {
    throw new RefusalError(
      'not_permitted',
      `process ${peer.pid} is in a PID namespace that the runtime ${runtime.name} did not make`,
      'start the castle with the runtime that runs this container',
    );
  }
  if (peer.uid !== 0 && peer.uid !== process.getuid?.()) {
    throw new RefusalError(
      'not_permitted',
      `uid ${peer.uid} of the host may not ask the castle`,
      'ask as root',
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
