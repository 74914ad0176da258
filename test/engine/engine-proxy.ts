import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { temporaryFolder } from '../kit/images.ts';

/** A proxy for the engine's socket that can be closed and opened, so that its clients lose the engine and reconnect. */
export class EngineProxy {
  readonly socket: string;
  readonly #engine: string;
  readonly #open = new Set<Socket>();
  #server: Server | undefined;

  private constructor(socket: string, engine: string) {
    this.socket = socket;
    this.#engine = engine;
  }

  static async start(t: Test): Promise<EngineProxy> {
    const host = process.env['DOCKER_HOST'];
    const engine = host?.startsWith('unix://') ? host.slice('unix://'.length) : '/var/run/docker.sock';
    const proxy = new EngineProxy(join(temporaryFolder(t, 'engine'), 'engine.sock'), engine);
    t.teardown(() => proxy.cut());
    await proxy.join();
    return proxy;
  }

  /** Ends every connection and stops listening. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    for (const socket of this.#open) socket.destroy();
    await closed;
    rmSync(this.socket, { force: true });
  }

  /** Listens again. */
  join(): Promise<void> {
    return this.#listen((near) => {
      const far = createConnection(this.#engine);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#open.add(one);
        one.on('error', () => other.destroy());
        one.once('close', () => {
          this.#open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  /** Accepts every connection and never answers, as an engine that hangs. */
  async hang(): Promise<void> {
    await this.cut();
    await this.#listen((near) => {
      this.#open.add(near);
      near.on('error', () => undefined).resume();
      near.once('close', () => this.#open.delete(near));
    });
  }

  async #listen(connected: (near: Socket) => void): Promise<void> {
    const server = createServer(connected);
    await new Promise<void>((resolve) => void server.listen(this.socket, resolve));
    this.#server = server;
  }
}
