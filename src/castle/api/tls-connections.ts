import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { peerOf } from './peer-addresses.ts';

/** More connections than this from one peer are closed at once. */
const limitPerPeer = 64;
/** And more than this in all. */
const limitInAll = 1024;

/**
 * The open connections of a TLS server: how many each peer has, from before its first byte on, and which of them wait
 * for an answer.
 */
export class TlsConnections {
  private readonly perPeer = new Map<string, number>();
  /** Those whose handshake is not done, by their peer's address and port. */
  private readonly greeting = new Map<string, Socket>();
  /** The others, with the number of their requests that are being answered. */
  private readonly secure = new Map<Socket, number>();
  private stopping = false;

  constructor(server: Server) {
    server.maxConnections = limitInAll;
    server.on('connection', (socket: Socket) => this.accept(socket));
    server.on('secureConnection', (socket: TLSSocket) => this.secured(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.answering(request.socket, response),
    );
  }

  /** Closes every connection without a request under way, and the others when theirs is answered. */
  stop(): void {
    this.stopping = true;
    for (const socket of this.greeting.values()) socket.destroy();
    for (const [socket, underWay] of this.secure) if (underWay === 0) socket.destroy();
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
    this.greeting.set(end, socket);
    socket.once('close', () => {
      this.greeting.delete(end);
      const left = (this.perPeer.get(peer) ?? 1) - 1;
      if (left === 0) this.perPeer.delete(peer);
      else this.perPeer.set(peer, left);
    });
  }

  private secured(socket: TLSSocket): void {
    this.greeting.delete(endOf(socket));
    this.secure.set(socket, 0);
    socket.once('close', () => this.secure.delete(socket));
  }

  private answering(socket: Socket, response: ServerResponse): void {
    this.secure.set(socket, (this.secure.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const underWay = (this.secure.get(socket) ?? 1) - 1;
      if (this.secure.has(socket)) this.secure.set(socket, underWay);
      if (this.stopping && underWay === 0) socket.end();
    });
  }
}

/** Names a connection: the TLS socket is another object than the one that it runs over, with the same other end. */
const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
