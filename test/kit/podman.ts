import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Test } from 'tap';
import { run } from './docker.ts';
import { temporaryFolder } from './images.ts';
import { until } from './until.ts';

/**
 * Settings that differ from Debian's: no systemd is needed, and limits that the machine allows, since Podman requests higher
 * ones than root of a test may set.
 */
const settings = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
`;

/** The number of processes whose command line contains a folder. */
function processesNaming(folder: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false; // The process has ended.
    }
  }).length;
}

/** A Podman for one test, with its service on a socket and all its files in one folder. */
export class Podman {
  /** The path of the socket on which it serves Docker's API. */
  readonly socket: string;
  readonly #options: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #service: ChildProcess | undefined;

  /** @param runRoot the path of Podman's folder for run-time files: it refuses one with more than 50 characters */
  private constructor(folder: string, runRoot: string) {
    const file = join(folder, 'containers.conf');
    writeFileSync(file, settings);
    mkdirSync(join(folder, 'tmp'));
    this.socket = join(folder, 'podman.sock');
    this.#env = { ...process.env, CONTAINERS_CONF: file };
    this.#options = [
      ...['--root', join(folder, 'root'), '--runroot', runRoot],
      ...['--tmpdir', join(folder, 'tmp'), '--storage-driver', 'vfs'],
    ];
  }

  /** Starts Podman; the test's teardown stops it and removes its containers. */
  static async start(t: Test): Promise<Podman> {
    const folder = temporaryFolder(t, 'podman');
    mkdirSync(join(folder, 'run'));
    // The folder's own path may be longer; scripts/test-cleanup.sh removes the link of a killed run.
    const runRoot = `/tmp/${basename(folder)}`;
    symlinkSync(join(folder, 'run'), runRoot);
    t.teardown(() => rmSync(runRoot));
    const podman = new Podman(folder, runRoot);
    t.teardown(async () => {
      await podman.stop();
      await podman.run('rm', '--all', '--force', '--time', '0');
      // A container's conmon runs `podman container cleanup` after the container has ended, which writes into the folder.
      await until('the processes of Podman have ended', () => processesNaming(folder) === 0 || undefined);
    });
    await podman.serve();
    return podman;
  }

  /** Starts the service. */
  async serve(): Promise<void> {
    const args = [...this.#options, 'system', 'service', '--time', '0', `unix://${this.socket}`];
    const service = spawn('podman', args, { env: this.#env, stdio: ['ignore', 'ignore', 'inherit'] });
    this.#service = service;
    const answers = await until('Podman answers', async () => {
      const { code } = await run('docker', ['--host', `unix://${this.socket}`, 'version']);
      if (code !== 0 && service.exitCode !== null) return false;
      return code === 0 || undefined;
    });
    if (!answers) throw new Error(`podman ${args.join(' ')}: exit code ${service.exitCode}`);
  }

  /** Stops the service; the containers continue to run. */
  async stop(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    if (service === undefined || service.exitCode !== null || service.signalCode !== null) return;
    service.kill('SIGTERM');
    await once(service, 'exit');
    rmSync(this.socket, { force: true });
  }

  /** Runs `podman ARGS`, which must succeed. @returns its output */
  async run(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run('podman', [...this.#options, ...args], { env: this.#env });
    if (code !== 0) throw new Error(`podman ${args.join(' ')}: exit code ${code}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** Imports a folder as an image. @returns its name */
  async image(t: Test, root: string): Promise<string> {
    const archive = join(temporaryFolder(t, 'image'), 'root.tar');
    const { code, stderr } = await run('tar', ['--create', '--file', archive, '--directory', root, '.']);
    if (code !== 0) throw new Error(`tar: ${stderr}`);
    await this.run('import', '--quiet', archive, 'localhost/bailey-test:latest');
    return 'localhost/bailey-test:latest';
  }
}
