import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { temporaryFolder } from '../../kit/images.ts';
import { Running } from '../../kit/namespace.ts';
import type { CastleOnHost } from './castle-on-host.ts';

/** What the castle answered to a tenant. */
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

export interface TenantOptions {
  /** Where its home is made, instead of a temporary folder. */
  readonly folder?: string;
  /** More of unshare(1)'s options. */
  readonly unshare?: readonly string[];
  /** The uid, and gid, that it runs as, instead of root. */
  readonly user?: number;
  /** What an engine would have as labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** A command that is to be process 1, and runs what follows. */
  readonly under?: readonly string[];
  /** Lets it begin in a root folder of its own (chroot), with everything of the host's below it. */
  readonly jail?: boolean;
}

/** A container made of namespaces with one process in it that asks the castle what the test tells it to. */
export class Tenant {
  /** An empty folder to mount on, by the same path in the container and on the host. */
  readonly home: string;
  readonly #running: Running;

  private constructor(running: Running, home: string) {
    this.#running = running;
    this.home = home;
  }

  /** Starts one; it is killed when the test ends. */
  static async start(t: Test, castle: CastleOnHost, options: TenantOptions = {}): Promise<Tenant> {
    const folder = options.folder ?? temporaryFolder(t, 'tenant');
    const home = join(folder, 'home');
    mkdirSync(home);
    // Another user may not be able to reach the repository.
    const program = join(folder, 'tenant.mjs');
    copyFileSync('test/castle/kit/tenant.mjs', program);
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
    return new Tenant(running, home);
  }

  /** Asks for a volume on the tenant's home. */
  lease(volume: string, target = this.home): Promise<Answered> {
    return this.call('POST', '/v1/leases', { volume, target });
  }

  call(method: string, path: string, body?: object | string): Promise<Answered> {
    return this.#tell({ call: [method, path, body] });
  }

  /** Begins a request and does not wait for the answer. @returns its number, for finish and drop */
  begin(method: string, path: string, body?: object): Promise<number> {
    return this.#tell({ begin: [method, path, body] });
  }

  /** Waits for the answer to a request that was begun. */
  finish(number: number): Promise<Answered> {
    return this.#tell({ finish: number });
  }

  /** Hangs up without waiting for the answer. */
  drop(number: number): Promise<void> {
    return this.#tell({ drop: number });
  }

  /** Several requests at once, on a connection each. */
  calls(calls: readonly (readonly [string, string, object?])[]): Promise<readonly Answered[]> {
    return this.#tell({ calls });
  }

  /** Sends bytes as they are and waits until the castle closes the connection. */
  raw(text: string): Promise<{ readonly received: string }> {
    return this.#tell({ raw: text });
  }

  /** Opens connections that say nothing. @returns how many of them the castle lets be */
  connect(count: number): Promise<number> {
    return this.#tell({ connect: count });
  }

  /** Waits until the castle has closed them all. @returns what it said to each */
  untilClosed(): Promise<readonly string[]> {
    return this.#tell({ untilClosed: true });
  }

  read(file: string): Promise<string> {
    return this.#tell({ read: file });
  }

  write(file: string, text: string): Promise<void> {
    return this.#tell({ write: [file, text] });
  }

  /** Keeps a file open until the tenant ends. */
  hold(file: string): Promise<void> {
    return this.#tell({ hold: file });
  }

  /** The lines of its mountinfo for a mount point. */
  mounts(point: string): Promise<readonly string[]> {
    return this.#tell({ mounts: point });
  }

  /** Runs a command in the container to its end; it must succeed. */
  run(...command: readonly string[]): Promise<{ readonly stdout: string }> {
    return this.#tell({ run: command });
  }

  /** The container's process 1, as a number of the host. */
  pid(): Promise<number> {
    // Node 24 calls its first thread MainThread, Node 26 node-MainThread.
    return this.#running.pid(/^(node|MainThread|node-MainThread)$/);
  }

  /** Kills the container. */
  kill(): Promise<void> {
    return this.#running.kill();
  }

  async #tell<T>(command: object): Promise<T> {
    this.#running.write(`${JSON.stringify(command)}\n`);
    const line = await this.#running.line();
    if (line === undefined) throw new Error(`the tenant ended: ${(await this.#running.end()).stderr}`);
    const said = JSON.parse(line) as { readonly value: T; readonly thrown?: string };
    if (said.thrown !== undefined) throw new Error(`in the container: ${said.thrown}`);
    return said.value;
  }
}

const asUser = (user: number | undefined): string[] =>
  user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--'];

/**
 * The command line that makes a folder, with a copy of all mounts in it, the root of what follows.
 */
function inJail(folder: string): string[] {
  const enter =
    'mount --rbind / "$0" && cd "$0" && exec chroot . sh -c \'cd "$0" && exec "$@"\' "$OLDPWD" "$@"';
  return ['sh', '-c', enter, folder];
}
