/** A castle and containers that send it requests. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { basename, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { temporaryFolder } from './temporary-folder.ts';

const startWithinMs = 60_000;
/** Options of setpriv(1): when the benchmark is killed, the kernel kills the programs that it started. */
const endWithBenchmark = ['--pdeathsig', 'KILL', '--'];

/** A castle with its own folder. */
export class RunningCastle {
  readonly folder = temporaryFolder();
  readonly socket = join(this.folder, 'run/castle.sock');
  readonly #backend: string;
  readonly #runtime: string;
  #process: ChildProcess | undefined;

  /** @param backend a value of `--backend`, in which DIR stands for a folder */
  constructor(backend: string, runtime: 'process' | 'docker' = 'process') {
    this.#backend = backend.replace('DIR', join(this.folder, 'volumes'));
    this.#runtime = runtime;
    mkdirSync(join(this.folder, 'run'));
  }

  /** Starts a castle, calls `measure`, and stops the castle. */
  static async with<T>(
    backend: string,
    measure: (castle: RunningCastle) => Promise<T>,
    runtime: 'process' | 'docker' = 'process',
  ): Promise<T> {
    const castle = new RunningCastle(backend, runtime);
    await castle.start();
    try {
      return await measure(castle);
    } finally {
      await castle.end('SIGTERM');
    }
  }

  /** @returns milliseconds until it answered */
  async start(): Promise<number> {
    const begin = performance.now();
    const args = ['--socket', this.socket, '--state', join(this.folder, 'state'), '--backend', this.#backend];
    const command = [process.execPath, 'dist/castle.js', 'serve', ...args, '--runtime', this.#runtime];
    const running = spawn('setpriv', [...endWithBenchmark, ...command], { stdio: 'ignore' });
    this.#process = running;
    while ((await this.call('GET', '/v1/status').catch(() => '')) === '') {
      if (performance.now() - begin > startWithinMs || running.exitCode !== null)
        throw new Error('the castle did not start');
      await pause(2);
    }
    return performance.now() - begin;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill(signal);
    await once(running, 'exit');
  }

  /** Resident memory in KB. */
  residentKb(): number {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  }

  /** Sends a request as root of the host. @returns the body of the answer */
  call(method: 'GET' | 'POST', path: string, body?: object): Promise<string> {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      sent === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
    return new Promise((resolve, reject) => {
      const options = { socketPath: this.socket, method, path, headers, agent: false };
      const sentRequest = request(options, async (answer) => {
        let text = '';
        for await (const part of answer) text += part;
        resolve(text);
      });
      sentRequest.on('error', reject).end(sent);
    });
  }

  /** Waits until the castle has ended the leases of all containers. */
  async untilNoLease(): Promise<void> {
    const end = performance.now() + startWithinMs;
    while ((await this.call('GET', '/v1/leases')) !== '[]') {
      if (performance.now() > end) throw new Error('a lease did not end with its container');
      await pause(20);
    }
  }
}

/** A container made of namespaces that sends requests: bench/lease-client.c. */
export class LeaseClient {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #folder: string;

  private constructor(started: ChildProcessWithoutNullStreams, lines: Interface, folder: string) {
    this.#process = started;
    this.#lines = lines[Symbol.asyncIterator]();
    this.#folder = folder;
  }

  static async start({ folder, socket }: RunningCastle): Promise<LeaseClient> {
    const namespaces = ['unshare', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc'];
    const started = spawn('setpriv', [
      ...endWithBenchmark,
      ...namespaces,
      'build/bench/lease-client',
      socket,
    ]);
    const client = new LeaseClient(started, createInterface({ input: started.stdout }), folder);
    if ((await client.#line()) !== 'ready') throw new Error('a container did not start');
    return client;
  }

  /** Creates empty folders to mount on. */
  targets(count: number, name: string): string[] {
    return Array.from({ length: count }, (_, n) => {
      const target = join(this.#folder, `${name}-${n}`);
      mkdirSync(target);
      return target;
    });
  }

  /** Requests a volume. @returns milliseconds, or undefined when the castle refused it */
  async request(target: string, volume = basename(target)): Promise<number | undefined> {
    this.#process.stdin.write(`${volume} ${target}\n`);
    const milliseconds = Number(await this.#line());
    return Number.isNaN(milliseconds) ? undefined : milliseconds;
  }

  /** The pid of the container's PID 1 on the host. */
  firstProcess(): number {
    const { pid } = this.#process;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  }

  async end(): Promise<void> {
    this.#process.stdin.end();
    await once(this.#process, 'exit');
  }

  async #line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('a container ended');
    return next.value;
  }
}
