import { closeSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Native } from '../../linux/native-addon.ts';
import { namespaceOf } from '../../linux/proc.ts';
import { type Connection, holdPeer } from '../identity/caller.ts';

/** More connections than this, in one PID namespace, are closed: a container's could take all descriptors otherwise. */
const limitPerContainer = 128;

interface Open extends Connection {
  /** The peer's PID namespace. */
  readonly container: string;
  /** How many of its requests are being answered. */
  underWay: number;
}

/** The open connections of a server, with the process at the other end of each. */
export class Connections {
  private readonly open = new Map<Socket, Open>();
  private stopping = false;

  constructor(
    server: Server,
    private readonly native: Native,
  ) {
    server.on('connection', (socket: Socket) => this.accept(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.answering(request.socket, response),
    );
  }

  /** Who is at the other end; undefined when the connection has been closed meanwhile. */
  of(socket: Socket): Connection | undefined {
    return this.open.get(socket);
  }

  /** Closes every connection without a request under way, and the others when theirs is answered. */
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

  /** The peer of a new connection, or undefined when it has ended already, or is one too many. */
  private hold(socket: Socket): Open | undefined {
    const fd = descriptorOf(socket);
    if (fd === undefined) return undefined;
    try {
      const connection = holdPeer(this.native, fd, closeSync);
      const container = pidNamespaceOf(connection.peer.pid);
      if (this.isOneTooMany(container)) {
        connection.close();
        return undefined;
      }
      return { ...connection, container, underWay: 0 };
    } catch {
      return undefined;
    }
  }

  private isOneTooMany(container: string): boolean {
    if (container === namespaceOf('self', 'pid')) return false;
    let count = 0;
    for (const other of this.open.values()) if (other.container === container) count += 1;
    return count >= limitPerContainer;
  }

  private answering(socket: Socket, response: ServerResponse): void {
    const opened = this.open.get(socket);
    if (opened === undefined) return;
    opened.underWay += 1;
    response.once('close', () => {
      opened.underWay -= 1;
      if (this.stopping && opened.underWay === 0) socket.end();
    });
  }
}

/** A process that is not visible, or has ended, counts with its like. */
function pidNamespaceOf(pid: number): string {
  try {
    return namespaceOf(pid, 'pid');
  } catch {
    return '';
  }
}

/** The descriptor of an accepted socket; Node keeps it in the handle that it doesn't document. */
export function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}
