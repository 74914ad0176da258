import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Lease, Status, Volume } from '../../../src/protocol/contract.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { until } from '../../kit/until.ts';

/** What is to be other than usual. */
export interface Places {
  /** A folder that is there already, instead of a new one. */
  readonly backend?: string;
  /** A folder that is there already, instead of a new one. */
  readonly state?: string;
  /** Options of the backend loop, such as `size=16M`; without, the backend is local. */
  readonly loop?: string;
  /** A whole setting of `--backend`. */
  readonly setting?: string;
  /** What stands behind `nfs=`, instead of a folder of this host. */
  readonly nfs?: string;
  /** More options of `castle serve`. */
  readonly options?: readonly string[];
  /** The engine's socket, instead of DOCKER_HOST. */
  readonly dockerSocket?: string;
  /** Another castle.js than that of dist. */
  readonly program?: string;
  /** Environment instead of the tests' own. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A castle as a host has one: a process of root, with a folder for its socket, its state and its volumes. */
export class CastleOnHost {
  /** What containers get at /run/castle. */
  readonly socketFolder: string;
  /** The backend's folder: one folder a volume. */
  readonly backend: string;
  /** The folder of its store. */
  readonly state: string;
  readonly socket: string;
  readonly #runtime: string;
  readonly #places: Places;
  #process: ChildProcess | undefined;
  #said = '';

  private constructor(folder: string, runtime: string, places: Places) {
    this.#runtime = runtime;
    this.#places = places;
    this.socketFolder = join(folder, 'run');
    this.backend = places.backend ?? join(folder, 'volumes');
    this.state = places.state ?? join(folder, 'state');
    this.socket = join(this.socketFolder, 'castle.sock');
    mkdirSync(this.socketFolder);
  }

  /** Starts one that is stopped, and its folders removed, when the test ends. */
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

  /** Its process, while there is one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Everything that it printed, in all its lives. */
  get output(): string {
    return this.#said;
  }

  /** The lines of its log that tell of an event, as objects. */
  eventsNamed(event: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#said
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
      .filter((line) => line['event'] === event);
  }

  /**
   * Starts `castle serve`, on the state of earlier lives, and does not wait for it.
   * @param more options for this life only
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
    // A test file that is killed for taking too long takes its castle along.
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
        this.#said += text;
      });
    }
    return started;
  }

  /** The same, and returns when it answers. */
  async serve(): Promise<void> {
    const started = this.launch();
    try {
      await until('the castle answers', async () => (await this.status()).pid === started.pid || undefined);
    } catch (thrown) {
      throw new Error(`${String(thrown)}; exit code ${started.exitCode}; it said:\n${this.#said}`);
    }
  }

  /** Ends it by a signal. @returns its exit code, or undefined when the signal ended it */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | undefined> {
    const running = this.#process;
    if (running === undefined) return undefined;
    this.#process = undefined;
    if (running.exitCode === null && running.signalCode === null) {
      running.kill(signal);
      await once(running, 'exit');
    }
    return running.exitCode ?? undefined;
  }

  /** Waits until it has ended, by whatever. */
  async ended(): Promise<void> {
    const running = this.#process;
    if (running !== undefined && running.exitCode === null && running.signalCode === null) {
      await once(running, 'exit');
    }
  }

  /** Takes away what it remembers, between two lives. */
  loseState(): void {
    rmSync(this.state, { recursive: true });
  }

  /** What it reports, as `castle status --json` and so on print it. */
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

  /** GET on its socket, as root of the host. */
  get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    return this.call('GET', path);
  }

  /** POST of an object on its socket, as root of the host. */
  post(path: string, body: object): Promise<{ readonly status: number; readonly text: string }> {
    return this.call('POST', path, body);
  }

  /** A request on its socket, as root of the host. */
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

  /** The value of a series in its metrics, such as `castle_leases{state="mounted"}`; undefined when there is none. */
  async metric(series: string): Promise<number | undefined> {
    const { text } = await this.get('/metrics');
    const line = text.split('\n').find((line) => line.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  /** The lease of a volume that has not ended, if there is one. */
  async leaseOf(volume: string): Promise<Lease | undefined> {
    return (await this.ask('leases')).find((lease) => lease.volume === volume && lease.state !== 'ended');
  }

  /** Waits until nobody has the volume any more. */
  async untilFree(volume: string): Promise<void> {
    await until(`volume ${volume} is free`, async () =>
      (await this.leaseOf(volume)) === undefined ? true : undefined,
    );
  }

  /** What `docker run` needs so that the container can ask this castle for a volume. */
  options(volume: string): string[] {
    return ['--label', `castle.volume=${volume}`, ...this.#request(volume)];
  }

  /** The same without the label: a container that the orchestrator gave nothing. */
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
