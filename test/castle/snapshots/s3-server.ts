import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { temporaryFolder } from '../../kit/images.ts';
import type { Need } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';

const gateway = 'build/s3/versitygw';

/** A requirement: an S3 server, which scripts/get-s3-server.sh builds. */
export const s3Server = (): Need =>
  existsSync(gateway) ? undefined : `needs ${gateway} (scripts/get-s3-server.sh)`;

/** An S3 store for the tests: Versity's gateway, which stores objects as files. */
export class S3Server {
  readonly bucket = 'backups';
  /** The credentials of clients. */
  readonly credentials = { AWS_ACCESS_KEY_ID: 'castle', AWS_SECRET_ACCESS_KEY: 'a-key-of-the-tests' };
  #process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(t: Test): Promise<S3Server> {
    const server = new S3Server(temporaryFolder(t, 's3'), await freePort());
    mkdirSync(server.objects, { recursive: true });
    mkdirSync(join(server.folder, 'facts'));
    t.teardown(() => server.stop());
    await server.run();
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The folder whose files are the objects of the bucket. */
  get objects(): string {
    return join(this.folder, 'buckets', this.bucket);
  }

  /** Starts the store; it can be started again after a stop. */
  async run(): Promise<void> {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = this.credentials;
    const options = ['--sidecar', join(this.folder, 'facts'), join(this.folder, 'buckets')];
    this.#process = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', gateway, '--port', `127.0.0.1:${this.port}`, 'posix', ...options],
      {
        env: { ...process.env, ROOT_ACCESS_KEY: AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: AWS_SECRET_ACCESS_KEY },
        stdio: 'ignore',
      },
    );
    await until('the store answers', async () => (await fetch(this.endpoint)).status);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }
}

/** A port that is free at present. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
