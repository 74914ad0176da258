import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EC2Client } from '@aws-sdk/client-ec2';
import type { Test } from 'tap';
import { output } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { until } from '../../kit/until.ts';
import { loopsOf } from '../backends/loop/loop-host.ts';
import type { Facts } from './cloud/records.ts';
import type { Settings } from './cloud/settings.ts';
import type { CallMade } from './faults/calls.ts';
import type { Fault } from './faults/fault.ts';
import type { Announcement } from './main.ts';

/** Some of the settings. */
type Partly<T> = { readonly [K in keyof T]?: T[K] extends object ? Partly<T[K]> : T[K] };

/** A simulated EC2 in its own process. The test's teardown removes its files and devices, however the process ended. */
export class Simulator {
  /** The folder with volumes, snapshots, and the instances' /sys and /dev. */
  readonly folder: string;
  readonly #instances: string;
  readonly #clients = new Set<EC2Client>();
  #process: ChildProcess | undefined;
  #announced: Announcement | undefined;

  private constructor(folder: string, instances: string) {
    this.folder = folder;
    this.#instances = instances;
  }

  /**
   * Starts a simulator.
   * @param instances as the option `--instances`: `i-a,i-b=t2.micro`
   */
  static async start(t: Test, instances = 'i-0a'): Promise<Simulator> {
    const simulator = new Simulator(temporaryFolder(t, 'ec2'), instances);
    t.teardown(() => simulator.#removeAll());
    await simulator.serve();
    return simulator;
  }

  /** The addresses of the API; all of them change when the program is restarted. */
  get announced(): Announcement {
    if (this.#announced === undefined) throw new Error('the simulator is not running');
    return this.#announced;
  }

  get url(): string {
    return this.announced.url;
  }

  /** The folder with an instance's /sys and /dev, and the URL of its metadata service. */
  instance(id = this.#instances.split(/[=,]/)[0] as string): Announcement['instances'][string] {
    const found = this.announced.instances[id];
    if (found === undefined) throw new Error(`the simulator has no ${id}`);
    return found;
  }

  /** Starts the program, with the folder of earlier starts. */
  async serve(): Promise<void> {
    const args = [
      'build/test/castle/ec2-simulator/main.js',
      '--folder',
      this.folder,
      '--instances',
      this.#instances,
    ];
    // When a test file is killed by its timeout, its simulator must end as well.
    const started = spawn('setpriv', ['--pdeathsig', 'TERM', process.execPath, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = started;
    const [line] = (await Promise.race([
      once(createInterface(started.stdout), 'line'),
      once(started, 'exit').then(() => {
        throw new Error(
          `the simulator ended with ${started.exitCode ?? started.signalCode} and printed nothing`,
        );
      }),
    ])) as [string];
    this.#announced = JSON.parse(line) as Announcement;
  }

  /** Ends the program. @returns its exit code, or undefined when a signal ended it */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | undefined> {
    const running = this.#process;
    this.#process = undefined;
    for (const client of this.#clients) client.destroy();
    if (running === undefined) return undefined;
    if (running.exitCode === null && running.signalCode === null) {
      running.kill(signal);
      await once(running, 'exit');
    }
    return running.exitCode ?? undefined;
  }

  /** A client of the API like the castle's, with this number of attempts. */
  client(maxAttempts = 1): EC2Client {
    const client = new EC2Client({
      ...{ endpoint: this.url, region: this.announced.region, maxAttempts },
      credentials: { accessKeyId: 'AKIASIMULATOR', secretAccessKey: 'simulator' },
    });
    this.#clients.add(client);
    return client;
  }

  /** Changes some settings. */
  async set(settings: Partly<Settings>): Promise<void> {
    await this.#control('PATCH', 'settings', settings);
  }

  /** Adds a fault. @returns a function that removes it */
  async fault(fault: Fault): Promise<() => Promise<void>> {
    const { id } = (await this.#control('POST', 'faults', fault)) as { readonly id: string };
    return async () => void (await this.#control('DELETE', `faults/${id}`));
  }

  async clearFaults(): Promise<void> {
    await this.#control('DELETE', 'faults');
  }

  /** Every request to the API since the start, or since the last `forgetCalls`. */
  async calls(action?: string): Promise<readonly CallMade[]> {
    const all = (await this.#control('GET', 'calls')) as readonly CallMade[];
    return all.filter((call) => action === undefined || call.action === action);
  }

  async forgetCalls(): Promise<void> {
    await this.#control('DELETE', 'calls');
  }

  /** The real state, whatever the API reports. */
  async facts(): Promise<Facts> {
    return (await this.#control('GET', 'facts')) as Facts;
  }

  /** Destroys a volume with its data while it is in use. */
  async vanish(volume: string): Promise<void> {
    await this.#control('POST', `volumes/${volume}/vanish`);
  }

  async #control(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${this.url}/control/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /control/${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  /** Ends the process, and frees the devices that it could not free. A volume that is still mounted is an error of the test. */
  async #removeAll(): Promise<void> {
    await this.end('SIGTERM');
    const hosts = join(this.folder, 'hosts');
    // The kernel can give these device numbers to other devices at any moment.
    for (const host of existsSync(hosts) ? readdirSync(hosts) : []) {
      rmSync(join(hosts, host, 'dev'), { recursive: true, force: true });
    }
    const volumes = join(this.folder, 'volumes');
    for (const [device = ''] of loopsOf(volumes).map((loop) => loop.split(' '))) {
      await output('losetup', '--detach', device);
    }
    await until(
      'no loop device has a volume of the simulator',
      () => loopsOf(volumes).length === 0 || undefined,
    );
  }
}

/** The largest number of requests within a span of time. @param calls in the order of their arrival */
export function mostWithin(spanMs: number, calls: readonly CallMade[]): number {
  let [most, first] = [0, 0];
  for (const [last, { atMs }] of calls.entries()) {
    while (atMs - (calls[first]?.atMs ?? atMs) >= spanMs) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
