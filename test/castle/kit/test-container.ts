import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { temporaryFolder } from '../../kit/images.ts';
import { Running } from '../../kit/namespace.ts';
import type { CastleOnHost } from './castle-on-host.ts';

/** The castle's answer to a request of a container. */
export interface Answered {
  readonly status: number;
  readonly body: {
    readonly id: string;
    readonly mountId: number;
    readonly state: string;
    readonly error: {
      readonly code: string;
      readonly message: string;
      readonly remedy: string;
      readonly holder?: string;
    };
  };
}

export interface TestContainerOptions {
  /** The folder in which the container's home is created. Default: a temporary folder. */
  readonly folder?: string;
  /** More options of unshare(1). */
  readonly unshare?: readonly string[];
  /** The uid and gid of the process. Default: root. */
  readonly user?: number;
  /** The labels that an engine would report for the container. */
  readonly labels?: Readonly<Record<string, string>>;
  /** A command that becomes process 1 and runs the command given as its arguments. */
  readonly under?: readonly string[];
  /** Whether the container has its own root folder (chroot) with a copy of all mounts of the host in it. */
  readonly jail?: boolean;
}

/** A container made of namespaces. Its one process sends the test's requests to the castle. */
export class TestContainer {
  /** An empty folder to mount on, with the same path in the container and on the host. */
  readonly home: string;
  readonly #running: Running;

  private constructor(running: Running, home: string) {
    this.#running = running;
    this.home = home;
  }

  /** Starts a container; the test's teardown kills it. */
  static async start(
    t: Test,
    castle: CastleOnHost,
    options: TestContainerOptions = {},
  ): Promise<TestContainer> {
    const folder = options.folder ?? temporaryFolder(t, 'container');
    const home = join(folder, 'home');
    mkdirSync(home);
    // Another user may not have access to the repository.
    const program = join(folder, 'test-container.mjs');
    copyFileSync('test/castle/kit/test-container.mjs', program);
    for (const reached of [folder, dirname(castle.socketFolder)]) chmodSync(reached, 0o755);
    const command = [...asUser(options.user), process.execPath, program, castle.socket];
    const jail = options.jail === true ? inJail(temporaryFolder(t, 'jail')) : [];
    const labels = Object.entries(options.labels ?? {}).map(([label, value]) => `${label}=${value}`);
    const running = new Running([...(options.under ?? []), ...jail, ...command], {
      env: { ...process.env, CASTLE_LABELS: labels.join(' ') },
      unshare: ['--mount', ...(options.unshare ?? [])],
    });
    t.teardown(() => running.kill());
    if ((await running.line()) !== 'ready') throw new Error((await running.end()).stderr);
    return new TestContainer(running, home);
  }

  /** Requests a lease of a volume on the container's home. */
  lease(volume: string, target = this.home): Promise<Answered> {
    return this.call('POST', '/v1/leases', { volume, target });
  }

  call(method: string, path: string, body?: object | string): Promise<Answered> {
    return this.#send({ call: [method, path, body] });
  }

  /** Begins a request and does not wait for the response. @returns its number, for `finish` and `drop` */
  begin(method: string, path: string, body?: object): Promise<number> {
    return this.#send({ begin: [method, path, body] });
  }

  /** Waits for the answer to a request that was begun. */
  finish(number: number): Promise<Answered> {
    return this.#send({ finish: number });
  }

  /** Closes the connection of a request without waiting for the response. */
  drop(number: number): Promise<void> {
    return this.#send({ drop: number });
  }

  /** Sends several requests at the same time, each on its own connection. */
  calls(calls: readonly (readonly [string, string, object?])[]): Promise<readonly Answered[]> {
    return this.#send({ calls });
  }

  /** Sends raw bytes and waits until the castle closes the connection. */
  raw(text: string): Promise<{ readonly received: string }> {
    return this.#send({ raw: text });
  }

  /** Opens connections and sends nothing. @returns how many of them the castle accepts */
  connect(count: number): Promise<number> {
    return this.#send({ connect: count });
  }

  /** Waits until the castle has closed all of these connections. @returns the data that it sent on each */
  untilClosed(): Promise<readonly string[]> {
    return this.#send({ untilClosed: true });
  }

  read(file: string): Promise<string> {
    return this.#send({ read: file });
  }

  write(file: string, text: string): Promise<void> {
    return this.#send({ write: [file, text] });
  }

  /** Keeps a file open until the container ends. */
  hold(file: string): Promise<void> {
    return this.#send({ hold: file });
  }

  /** The lines of the container's mountinfo for a mount point. */
  mounts(point: string): Promise<readonly string[]> {
    return this.#send({ mounts: point });
  }

  /** Runs a command in the container and waits for its end. @throws Error when it fails */
  run(...command: readonly string[]): Promise<{ readonly stdout: string }> {
    return this.#send({ run: command });
  }

  /** The pid of the container's process 1 on the host. */
  pid(): Promise<number> {
    // Node 24 names its first thread MainThread, Node 26 node-MainThread.
    return this.#running.pid(/^(node|MainThread|node-MainThread)$/);
  }

  /** Kills the container. */
  kill(): Promise<void> {
    return this.#running.kill();
  }

  async #send<T>(command: object): Promise<T> {
    this.#running.write(`${JSON.stringify(command)}\n`);
    const line = await this.#running.line();
    if (line === undefined) throw new Error(`the container ended: ${(await this.#running.end()).stderr}`);
    const answer = JSON.parse(line) as { readonly value: T; readonly thrown?: string };
    if (answer.thrown !== undefined) throw new Error(`in the container: ${answer.thrown}`);
    return answer.value;
  }
}

const asUser = (user: number | undefined): string[] =>
  user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--'];

/**
 * The command line that runs its arguments with another root: a folder with a copy of all mounts in it.
 */
function inJail(folder: string): string[] {
  const enter =
    'mount --rbind / "$0" && cd "$0" && exec chroot . sh -c \'cd "$0" && exec "$@"\' "$OLDPWD" "$@"';
  return ['sh', '-c', enter, folder];
}
