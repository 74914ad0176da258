import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Lease, Status, Volume } from '../../../src/protocol/contract.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { until } from '../../kit/until.ts';

/** The settings of a castle that differ from the defaults. */
export interface Places {
  /** An existing folder to use instead of a new one. */
  readonly backend?: string;
  /** An existing folder to use instead of a new one. */
  readonly state?: string;
  /** Options of the backend loop, such as `size=16M`. Without them the backend is local. */
  readonly loop?: string;
  /** A complete value of `--backend`. */
  readonly setting?: string;
  /** The value after `nfs=`, instead of a folder of this host. */
  readonly nfs?: string;
  /** More options of `castle serve`. */
  readonly options?: readonly string[];
  /** The path of the engine's socket. Default: DOCKER_HOST. */
  readonly dockerSocket?: string;
  /** The path of castle.js. Default: the one in dist. */
  readonly program?: string;
  /** The environment of the process. Default: that of the tests. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A castle as on a host: a process of root with folders for its socket, its state and its volumes. */
export class CastleOnHost {
  /** The folder that containers have at /run/castle. */
  readonly socketFolder: string;
  /** The backend's folder, with one folder for each volume. */
  readonly backend: string;
  /** The folder of the castle's store. */
  readonly state: string;
  readonly socket: string;
  readonly #runtime: string;
  readonly #places: Places;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(folder: string, runtime: string, places: Places) {
    this.#runtime = runtime;
    this.#places = places;
    this.socketFolder = join(folder, 'run');
    this.backend = places.backend ?? join(folder, 'volumes');
    this.state = places.state ?? join(folder, 'state');
    this.socket = join(this.socketFolder, 'castle.sock');
    mkdirSync(this.socketFolder);
  }

  /** Starts a castle; the test's teardown stops it and removes its folders. */
  static async start(
    t: Test,
    runtime: 'docker' | 'podman' | 'process' = 'docker',
    places: Places = {},
  ): Promise<CastleOnHost> {
    const folder = temporaryFolder(t, 'castle');
    const castle = new CastleOnHost(folder, runtime, places);
    t.teardown(() => castle.end('SIGTERM'));
    await castle.serve();
    return castle;
  }

  /** The pid of the castle while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether the castle's process is running. */
  get isRunning(): boolean {
    const running = this.#process;
    return running !== undefined && running.exitCode === null && running.signalCode === null;
  }

  /** All output of the castle, over all its starts. */
  get output(): string {
    return this.#output;
  }

  /** The log lines of an event, as objects. */
  eventsNamed(event: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#output
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
      .filter((line) => line['event'] === event);
  }

  /**
   * Starts `castle serve` on the state of earlier starts, and does not wait until it answers.
   * @param more options for this start only
   */
  launch(more: readonly string[] = []): ChildProcess {
    const {
      loop,
      setting,
      nfs,
      options = [],
      dockerSocket,
      program = 'dist/castle.js',
      env = process.env,
    } = this.#places;
    const folder = loop === undefined ? `local=${this.backend}` : `loop=${this.backend},${loop}`;
    const backend = setting ?? (nfs === undefined ? folder : `nfs=${nfs}`);
    // When a test file is killed by its timeout, its castle must end as well.
    const started = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', process.execPath, program, 'serve', '--runtime', this.#runtime],
        ...['--socket', this.socket, '--state', this.state, '--backend', backend],
        ...(dockerSocket === undefined ? [] : ['--docker-socket', dockerSocket]),
        ...options,
        ...more,
      ],
      { env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#process = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    return started;
  }

  /** Starts `castle serve`, and returns when it answers. */
  async serve(): Promise<void> {
    const started = this.launch();
    const answers = await until('the castle answers', async () => {
      if (!this.isRunning) return false;
      return (await this.status()).pid === started.pid || undefined;
    });
    if (!answers)
      throw new Error(`the castle ended, exit code ${started.exitCode}; its output:\n${this.#output}`);
  }

  /** Ends the castle by a signal. @returns its exit code; undefined when the signal ended it */
  async end(signal: 'SIGTERM' | 'SIGHUP' | 'SIGKILL'): Promise<number | undefined> {
    const running = this.#process;
    if (running === undefined) return undefined;
    this.#process = undefined;
    if (running.exitCode === null && running.signalCode === null) {
      running.kill(signal);
      await once(running, 'exit');
    }
    return running.exitCode ?? undefined;
  }

  /** Waits until the castle has ended, for any reason. */
  async ended(): Promise<void> {
    const running = this.#process;
    if (running !== undefined && running.exitCode === null && running.signalCode === null) {
      await once(running, 'exit');
    }
  }

  /** Deletes the castle's state while it is not running. */
  loseState(): void {
    rmSync(this.state, { recursive: true });
  }

  /** The output of `castle status --json` and other commands, parsed. */
  async ask(what: 'status'): Promise<Status>;
  async ask(what: 'volumes'): Promise<Volume[]>;
  async ask(what: 'leases'): Promise<Lease[]>;
  async ask(what: string): Promise<unknown> {
    const { status, text } = await this.get(`/v1/${what}`);
    if (status !== 200) throw new Error(`castle ${what}: ${status}: ${text}`);
    return JSON.parse(text);
  }

  status(): Promise<Status> {
    return this.ask('status');
  }

  /** Sends a GET request on the socket, as root of the host. */
  get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    return this.call('GET', path);
  }

  /** Sends a POST request with an object as JSON on the socket, as root of the host. */
  post(path: string, body: object): Promise<{ readonly status: number; readonly text: string }> {
    return this.call('POST', path, body);
  }

  /** Sends a request on the socket, as root of the host. */
  call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      sent === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.socket, method, path, headers, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('error', reject);
      });
      asked.on('error', reject).end(sent);
    });
  }

  /** The value of a metric's series, such as `castle_leases{state="mounted"}`; undefined when it does not exist. */
  async metric(series: string): Promise<number | undefined> {
    const { text } = await this.get('/metrics');
    const line = text.split('\n').find((line) => line.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  /** The active lease of a volume; undefined without one. */
  async leaseOf(volume: string): Promise<Lease | undefined> {
    return (await this.ask('leases')).find((lease) => lease.volume === volume && lease.state !== 'ended');
  }

  /** Waits until the castle reports that state of its connection to the engine. */
  async untilEngineIs(state: 'connected' | 'disconnected'): Promise<void> {
    await until(`the engine is ${state}`, async () => (await this.status()).engine === state || undefined);
  }

  /**
   * Waits until the log has an event of a container that many times.
   * @returns its lines, as objects
   */
  untilEventOf(
    event: string,
    container: string,
    times = 1,
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return until(`the log has ${event} of ${container.slice(0, 12)}`, () => {
      const lines = this.eventsNamed(event).filter((line) => line['container'] === container);
      return lines.length >= times ? lines : undefined;
    });
  }

  /** Waits until the volume has no lease. */
  async untilFree(volume: string): Promise<void> {
    await until(`volume ${volume} is free`, async () =>
      (await this.leaseOf(volume)) === undefined ? true : undefined,
    );
  }

  /** The arguments of `docker run` that let a container request a volume from this castle. */
  options(volume: string): string[] {
    return ['--label', `castle.volume=${volume}`, ...this.#request(volume)];
  }

  /** The same without the volume's label. */
  optionsWithoutPermission(volume: string): string[] {
    return this.#request(volume);
  }

  #request(volume: string): string[] {
    return [
      ...['--volume', `${this.socketFolder}:/run/castle:ro`],
      ...['--env', 'CASTLE_URL=unix:///run/castle/castle.sock', '--env', `CASTLE_VOLUME=${volume}`],
    ];
  }
}
