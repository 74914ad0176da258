import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { type Certificate, makeCertificate } from '../../bailey/kit/fake-castle.ts';
import { type Ran, run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { CastleOnHost, type Places } from './castle-on-host.ts';
import type { Answered, TestContainer } from './test-container.ts';

/** A castle that also listens over TLS, and a client for that port. */
export class TlsCastle {
  private constructor(
    readonly castle: CastleOnHost,
    readonly certificate: Certificate,
  ) {}

  /** Starts a castle on a free port of 127.0.0.1. */
  static async start(
    t: Test,
    runtime: 'docker' | 'podman' | 'process' = 'process',
    { options = [], ...places }: Places = {},
  ): Promise<TlsCastle> {
    const certificate = makeCertificate(temporaryFolder(t, 'tls'), 'castle', ['IP:127.0.0.1']);
    const files = ['--tls-cert', certificate.file, '--tls-key', certificate.keyFile];
    const all = ['--listen', '127.0.0.1:0', ...files, ...options];
    return new TlsCastle(await CastleOnHost.start(t, runtime, { ...places, options: all }), certificate);
  }

  /** The port of the latest start. */
  get port(): number {
    const line = String(this.castle.eventsNamed('castle.serving').at(-1)?.['message']);
    return Number(/with TLS on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
  }

  /** Runs `castle token` for a container with this name. */
  command(container: string, volume: string, ...options: readonly string[]): Promise<Ran> {
    return tokenCommand(this.castle, container, volume, ...options);
  }

  /** Returns a token as `castle token` prints it into a pipe. */
  async token(container: string, volume: string, ...options: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command(container, volume, ...options);
    if (code !== 0) throw new Error(`castle token: exit code ${code}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** A token for a container. */
  async tokenOf(container: TestContainer, volume: string, ...options: readonly string[]): Promise<string> {
    return this.token(`process-${await container.pid()}`, volume, ...options);
  }

  /** The key in the state folder with which tokens are signed. */
  get key(): { readonly castle: string; readonly key: Buffer } {
    const { castle, key } = JSON.parse(readFileSync(join(this.castle.state, 'token.key'), 'utf8')) as {
      readonly castle: string;
      readonly key: string;
    };
    return { castle, key: Buffer.from(key, 'hex') };
  }

  /** Sends one request on its own connection. */
  ask(
    token: string | undefined,
    method: string,
    path: string,
    body?: object | string,
    own?: Certificate,
  ): Promise<Answered> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    const tls = {
      ca: readFileSync(this.certificate.file),
      ...(own === undefined ? {} : { cert: readFileSync(own.file), key: readFileSync(own.keyFile) }),
    };
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, method, path, headers, agent: false as const };
      const asked = request({ ...options, ...tls }, (answer) => {
        let received = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          received += part;
        });
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            body: (received === '' ? undefined : JSON.parse(received)) as Answered['body'],
          }),
        );
      });
      asked.on('error', reject);
      asked.end(text);
    });
  }

  /** Requests a lease. */
  lease(token: string | undefined, volume: string, target: string): Promise<Answered> {
    return this.ask(token, 'POST', '/v1/leases', { volume, target });
  }

  /** Opens a connection and completes the handshake. */
  connect(): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: this.port, ca: readFileSync(this.certificate.file) });
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
    });
  }

  /** Sends raw bytes. @returns everything received until the castle closes the connection */
  async raw(text: string): Promise<string> {
    const socket = await this.connect();
    let received = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      received += part;
    });
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(text);
    await closed;
    return received;
  }
}

/** Runs `castle token` on the socket of a castle. */
export function tokenCommand(
  castle: CastleOnHost,
  container: string,
  volume: string,
  ...options: readonly string[]
): Promise<Ran> {
  const args = ['token', '--container', container, '--volume', volume, '--socket', castle.socket];
  return run(process.execPath, ['dist/castle.js', ...args, ...options]);
}
