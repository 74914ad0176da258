import { closeSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Native } from '../../linux/native-addon.ts';
import { namespaceOf } from '../../linux/proc.ts';
import { type Connection, holdPeer } from '../identity/caller.ts';

/** The maximum number of connections from one PID namespace, so that a container cannot use up all file descriptors. */
const limitPerContainer = 128;

interface Open extends Connection {
  /** The PID namespace of the peer. */
  readonly container: string;
  /** The number of requests in progress. */
  underWay: number;
}

/** The open connections of the unix socket, with the process at the other end of each. */
export class Connections {
  private readonly open = new Map<Socket, Open>();
  private stopping = false;

  constructor(
    server: Server,
    private readonly native: Native,
  ) {
    server.on('connection', (socket: Socket) => this.accept(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.trackRequest(request.socket, response),
    );
  }

  /** Returns the peer of a connection; undefined when the connection has closed. */
  of(socket: Socket): Connection | undefined {
    return this.open.get(socket);
  }

  /** Closes every connection without a request in progress, and the others after their response. */
  stop(): void {
    this.stopping = true;
    for (const [socket, { underWay }] of this.open) if (underWay === 0) socket.destroy();
  }

  private accept(socket: Socket): void {
    const opened = this.hold(socket);
    if (opened === undefined) {
      socket.destroy();
      return;
    }
    this.open.set(socket, opened);
    socket.once('close', () => {
      this.open.delete(socket);
      opened.close();
    });
  }

  /** Returns the peer of a new connection; undefined when the peer has ended, or has too many connections. */
  private hold(socket: Socket): Open | undefined {
    const fd = descriptorOf(socket);
    if (fd === undefined) return undefined;
    try {
      const connection = holdPeer(this.native, fd, closeSync);
      const container = pidNamespaceOf(connection.peer.pid);
      if (this.hasTooMany(container)) {
        connection.close();
        return undefined;
      }
      return { ...connection, container, underWay: 0 };
    } catch {
      return undefined;
    }
  }

  private hasTooMany(container: string): boolean {
    if (container === namespaceOf('self', 'pid')) return false;
    let count = 0;
    for (const other of this.open.values()) if (other.container === container) count += 1;
    return count >= limitPerContainer;
  }

  private trackRequest(socket: Socket, response: ServerResponse): void {
    const opened = this.open.get(socket);
    if (opened === undefined) return;
    opened.underWay += 1;
    response.once('close', () => {
      opened.underWay -= 1;
      if (this.stopping && opened.underWay === 0) socket.end();
    });
  }
}

/** Returns the PID namespace of a process; an empty string for all processes that have ended or are not visible. */
function pidNamespaceOf(pid: number): string {
  try {
    return namespaceOf(pid, 'pid');
  } catch {
    return '';
  }
}

/** Returns the descriptor of an accepted socket. Node does not document it, so it is read from the socket's internal handle. */
export function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}
