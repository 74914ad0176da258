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

/** A folder on a file system of its own, until the test ends; `host` is that of the host. */
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

/** The castle's command line about its snapshots. */
export const castleCommand = (castle: CastleOnHost, ...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, ['dist/castle.js', ...args, '--socket', castle.socket]);

/** Orders something of a castle as root of the host: without a process for it, for what is ordered often. */
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

/** Makes a volume from a snapshot. @returns the status of the answer */
export async function restored(castle: CastleOnHost, id: string, name: string): Promise<number> {
  return (await order(castle, `/v1/snapshots/${id}/restore`, { name })).status;
}

/** What the castle has, asked without a process for it. */
export async function snapshotsOf(castle: CastleOnHost): Promise<readonly Snapshot[]> {
  return JSON.parse((await castle.get('/v1/snapshots')).text) as Snapshot[];
}

/** What is in the folder of snapshots; whatever is not whole begins with a dot. */
export function stored(castle: CastleOnHost): readonly string[] {
  try {
    return readdirSync(join(castle.backend, '.snapshots'));
  } catch {
    return [];
  }
}

/**
 * Lets a container write until it is killed: the numbers from 0 on, each first to the file `one` and then to `other`.
 * @returns once there are some
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
 * What a volume has that a container writes so, if it had it so at any one moment: the numbers from 0 on, none missing.
 * @returns how many
 * @throws Error when it never had that
 */
export function written(one: string, other: string): number {
  const [first, second] = [numbers(one), numbers(other)];
  const ahead = first - second;
  if (ahead !== 0 && ahead !== 1) throw new Error(`one file is ${ahead} lines ahead of the other`);
  return second;
}

/**
 * How many numbers there are in one of the files: from 0 on, none missing.
 * @throws Error when one is missing or out of its place
 */
export function numbers(text: string): number {
  const lines = text.split('\n').slice(0, -1);
  const wrong = lines.findIndex((line, n) => line !== String(n));
  if (wrong !== -1) throw new Error(`line ${wrong} is ${lines[wrong]}`);
  return lines.length;
}
