import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Ran, run } from './docker.ts';
import { temporaryFolder } from './images.ts';
import { until } from './until.ts';

/**
 * A container engine for one test, with its own socket and folders. It can be stopped and started again, and it keeps a list of
 * the plug-ins that it has found.
 */
export class OwnEngine {
  readonly socket: string;
  readonly #home: string;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(home: string) {
    this.#home = home;
    this.socket = join(home, 'docker.sock');
  }

  /** Starts an engine; the test's teardown removes its containers, its mounts and the engine. */
  static async start(t: Test): Promise<OwnEngine> {
    const home = temporaryFolder(t, 'engine');
    const engine = new OwnEngine(home);
    t.teardown(() => engine.#clear());
    await engine.serve();
    return engine;
  }

  /** Starts the engine again; its containers are still running. */
  async serve(): Promise<void> {
    mkdirSync(this.#home, { recursive: true });
    const folders = ['--data-root', join(this.#home, 'data'), '--exec-root', join(this.#home, 'exec')];
    const started = spawn(
      'dockerd',
      [
        ...['--host', `unix://${this.socket}`, '--pidfile', join(this.#home, 'pid'), ...folders],
        ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--bridge', 'none', '--iptables=false'],
        ...['--ip6tables=false', '--live-restore'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = started;
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    try {
      await until('the engine answers', async () => (await this.run('version')).code === 0 || undefined);
    } catch (thrown) {
      throw new Error(`${String(thrown)}: ${this.#output.slice(-2000)}`);
    }
  }

  /** Ends the engine and leaves its containers running. */
  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGTERM');
    await once(running, 'exit');
  }

  /** Runs `docker ARGS` with this engine. */
  run(...args: readonly string[]): Promise<Ran> {
    return run('docker', ['--host', `unix://${this.socket}`, ...args]);
  }

  /** Runs `docker ARGS`, which must succeed. @returns its output */
  async docker(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trimEnd();
  }

  async #clear(): Promise<void> {
    const { stdout } = await this.run('ps', '--all', '--quiet');
    const ids = stdout.split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.run('rm', '--force', '--volumes', ...ids);
    await this.stop();
    const points = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith(`${this.#home}/`));
    // Inner mounts first.
    for (const point of points.reverse()) await run('umount', [point]);
  }
}
