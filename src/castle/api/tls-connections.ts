import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { peerOf } from './peer-addresses.ts';

/** The maximum number of connections from one peer. */
const limitPerPeer = 64;
/** The maximum number of connections from all peers. */
const limitInAll = 1024;

/**
 * The open connections of a TLS server: how many each peer has, also before the handshake, and which of them have a request
 * in progress.
 */
export class TlsConnections {
  private readonly perPeer = new Map<string, number>();
  /** Connections in their handshake, by the address and port of their peer. */
  private readonly handshaking = new Map<string, Socket>();
  /** The other connections, with the number of their requests in progress. */
  private readonly secure = new Map<Socket, number>();
  private stopping = false;

  constructor(server: Server) {
    server.maxConnections = limitInAll;
    server.on('connection', (socket: Socket) => this.accept(socket));
    server.on('secureConnection', (socket: TLSSocket) => this.secured(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.trackRequest(request.socket, response),
    );
  }

  /** Closes every connection without a request in progress, and the others after their response. */
  stop(): void {
    this.stopping = true;
    for (const socket of this.handshaking.values()) socket.destroy();
    for (const [socket, inProgress] of this.secure) if (inProgress === 0) socket.destroy();
  }

  private accept(socket: Socket): void {
    socket.on('error', () => undefined);
    const peer = peerOf(socket.remoteAddress);
    const count = this.perPeer.get(peer) ?? 0;
    if (count >= limitPerPeer || this.stopping) {
      socket.destroy();
      return;
    }
    this.perPeer.set(peer, count + 1);
    const end = endOf(socket);
    this.handshaking.set(end, socket);
    socket.once('close', () => {
      this.handshaking.delete(end);
      const left = (this.perPeer.get(peer) ?? 1) - 1;
      if (left === 0) this.perPeer.delete(peer);
      else this.perPeer.set(peer, left);
    });
  }

  private secured(socket: TLSSocket): void {
    this.handshaking.delete(endOf(socket));
    this.secure.set(socket, 0);
    socket.once('close', () => this.secure.delete(socket));
  }

  private trackRequest(socket: Socket, response: ServerResponse): void {
    this.secure.set(socket, (this.secure.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const inProgress = (this.secure.get(socket) ?? 1) - 1;
      if (this.secure.has(socket)) this.secure.set(socket, inProgress);
      if (this.stopping && inProgress === 0) socket.end();
    });
  }
}

/** Identifies a connection by its remote end: the TLS socket and the TCP socket below it are two objects. */
const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
