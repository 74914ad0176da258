import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Snapshot } from '../../../src/protocol/contract.ts';
import { type Ran, run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import type { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import type { TestContainer } from '../kit/test-container.ts';

/** Mounts a new file system on a folder until the test ends. `host` is the file system type of the host itself. */
export function folderOn(t: Test, type: 'host' | 'xfs' | 'btrfs', megabytes = 512): string {
  const folder = join(temporaryFolder(t, 'on-disk'), 'volumes');
  mkdirSync(folder);
  if (type === 'host') return folder;
  const image = join(temporaryFolder(t, 'disk'), 'image');
  execFileSync('truncate', ['--size', `${megabytes}M`, image]);
  execFileSync(`mkfs.${type}`, ['-q', image]);
  mounted(t, folder, '-o', 'loop', image);
  return folder;
}

interface Ordered {
  readonly status: number;
  readonly text: string;
}

/** Runs `castle snapshot` and related commands. */
export const castleCommand = (castle: CastleOnHost, ...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, ['dist/castle.js', ...args, '--socket', castle.socket]);

/** Sends a request as root of the host, without the cost of starting a command. */
export function order(castle: CastleOnHost, path: string, body: object): Promise<Ordered> {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const { socket: socketPath } = castle;
    const asked = request({ socketPath, method: 'POST', path, headers, agent: false }, (answer) => {
      let received = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        received += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: received }));
      answer.on('error', reject);
    });
    asked.on('error', reject).end(text);
  });
}

/** Takes a snapshot. @returns its id */
export async function taken(castle: CastleOnHost, volume: string, note?: string): Promise<string> {
  const body = { volume, ...(note === undefined ? {} : { note }) };
  const { status, text } = await order(castle, '/v1/snapshots', body);
  if (status !== 201) throw new Error(`${status}: ${text}`);
  return (JSON.parse(text) as Snapshot).id;
}

/** Restores a snapshot to a new volume. @returns the status of the response */
export async function restored(castle: CastleOnHost, id: string, name: string): Promise<number> {
  return (await order(castle, `/v1/snapshots/${id}/restore`, { name })).status;
}

/** The snapshots of the castle, requested without starting a command. */
export async function snapshotsOf(castle: CastleOnHost): Promise<readonly Snapshot[]> {
  return JSON.parse((await castle.get('/v1/snapshots')).text) as Snapshot[];
}

/** The entries of the folder of snapshots; incomplete ones begin with a dot. */
export function stored(castle: CastleOnHost): readonly string[] {
  try {
    return readdirSync(join(castle.backend, '.snapshots'));
  } catch {
    return [];
  }
}

/**
 * Lets a container write until it is killed: numbers from 0 on, each first to the file `one` and then to `other`.
 * @returns when some have been written
 */
export async function writing(container: TestContainer): Promise<void> {
  const script = `
    const { appendFileSync } = require('node:fs');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let n = 0; ; n++) {
      for (const file of ['one', 'other']) appendFileSync('${container.home}/' + file, n + '\\n');
      Atomics.wait(pause, 0, 0, 1);
    }`;
  const begin = '"$0" -e "$1" >/dev/null 2>&1 & until [ -s "$2/other" ]; do :; done';
  await container.run('sh', '-c', begin, process.execPath, script, container.home);
}

/**
 * Checks that a volume with such data is of one moment: each file has the numbers from 0 on without gaps.
 * @returns how many numbers
 * @throws Error when the volume never had this content
 */
export function written(one: string, other: string): number {
  const [first, second] = [numbers(one), numbers(other)];
  const ahead = first - second;
  if (ahead !== 0 && ahead !== 1) throw new Error(`one file is ${ahead} lines ahead of the other`);
  return second;
}

/**
 * The count of numbers in one of the files, which must go from 0 on without gaps.
 * @throws Error when one is missing or out of order
 */
export function numbers(text: string): number {
  const lines = text.split('\n').slice(0, -1);
  const wrong = lines.findIndex((line, n) => line !== String(n));
  if (wrong !== -1) throw new Error(`line ${wrong} is ${lines[wrong]}`);
  return lines.length;
}
