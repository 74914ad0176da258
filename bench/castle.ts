/** The time from a container's request to the mount, on each backend, for single and for simultaneous requests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createHoldProcess } from '../src/castle/mounting/held-process.ts';
import { native } from '../src/linux/native-addon.ts';
import { identify } from '../src/linux/proc.ts';
import { castleScale } from './castle-scale.ts';
import { dockerRun } from './docker-run.ts';
import { LeaseClient, RunningCastle } from './running-castle.ts';
import type { BenchOptions, Section } from './section.ts';
import type { Row, Table } from './table.ts';

/** How many containers send a request at the same time. */
const atOnce = [10, 100];

/** As in `--backend`; DIR stands for a folder. */
const backends = [
  { name: 'local', backend: 'local=DIR' },
  { name: 'loop, ext4, 16M', backend: 'loop=DIR,fs=ext4,size=16M' },
  { name: 'loop, xfs, 300M', backend: 'loop=DIR,fs=xfs,size=300M' },
];

export const castle: Section = {
  name: 'castle',
  async run(options) {
    if (process.getuid?.() !== 0) {
      options.reportProgress('skipped: needs root');
      return [];
    }
    const rows = [row('castle-mount alone', false, await bareMounts(options))];
    for (const { name, backend } of backends) {
      options.reportProgress(`requests, ${name}`);
      rows.push(...(await RunningCastle.with(backend, (castle) => measure(name, options, castle))));
    }
    return [requestsTable(rows), ...(await dockerRun(options)), await castleScale(options)];
  },
};

async function measure(
  name: string,
  { quick, reportProgress }: BenchOptions,
  castle: RunningCastle,
): Promise<Row[]> {
  const count = quick ? 5 : 50;
  const ours = name === 'local';
  const first = await LeaseClient.start(castle);
  const made = await inTurn(first, first.targets(count, 'first'));
  await first.end();
  await castle.untilNoLease();
  const second = await LeaseClient.start(castle);
  const found = await inTurn(second, second.targets(count, 'second'));
  await second.end();
  const rows = [row(`${name}: new`, ours, made), row(`${name}: existing`, ours, found)];
  for (const containers of quick ? atOnce.slice(0, 1) : atOnce) {
    reportProgress(`${containers} containers at once, ${name}`);
    await castle.untilNoLease();
    // The first requests create the volumes. They are not measured, because most of their time is that of mkfs.
    await together(castle, containers, 'create');
    await castle.untilNoLease();
    const samples = await together(castle, containers, 'request');
    rows.push(row(`${name}: existing, ${containers} at once`, ours, samples));
  }
  return rows;
}

/** One container requests volumes, one after another. */
async function inTurn(client: LeaseClient, targets: readonly string[]): Promise<(number | undefined)[]> {
  const samples = [];
  for (const [n, target] of targets.entries()) samples.push(await client.request(target, `volume-${n}`));
  return samples;
}

async function together(
  castle: RunningCastle,
  containers: number,
  name: string,
): Promise<(number | undefined)[]> {
  const clients: LeaseClient[] = [];
  for (let n = 0; n < containers; n++) clients.push(await LeaseClient.start(castle));
  const requests = clients.map((client, n) => {
    const [target = ''] = client.targets(1, `${name}-${containers}-${n}`);
    return client.request(target, `of-${containers}-${n}`);
  });
  const samples = await Promise.all(requests);
  await Promise.all(clients.map((client) => client.end()));
  return samples;
}

/** castle-mount started directly, for a process in another mount namespace. */
function bareMounts({ quick }: BenchOptions): Promise<number[]> {
  return RunningCastle.with('local=DIR', async (castle) => {
    const source = join(castle.folder, 'bare');
    mkdirSync(source);
    const client = await LeaseClient.start(castle);
    const held = createHoldProcess(native())(identify(client.firstProcess()));
    if (held === undefined) throw new Error('the container has ended');
    const { namespace, root, close } = held.open();
    const samples = [];
    for (const target of client.targets(quick ? 20 : 100, 'bare')) {
      const begin = performance.now();
      const command = ['mount', 'rw', source, target];
      const child = spawn('dist/castle-mount', command, {
        stdio: ['ignore', 'ignore', 'ignore', namespace, root],
      });
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`castle-mount ${command.join(' ')} ended with ${code}`);
      samples.push(performance.now() - begin);
    }
    close();
    held.close();
    await client.end();
    return samples;
  });
}

function requestsTable(rows: readonly Row[]): Table {
  return {
    title: 'castle: from request to mounted',
    columns: [
      { name: 'requests', digits: 0 },
      { name: 'served', digits: 0 },
      { name: 'p50 ms', digits: 1 },
      { name: 'p99 ms', digits: 1 },
    ],
    rows,
    notes: [
      'Measured in the container, including the check of the mount. castle-mount alone, in the same run, is the lower bound:',
      'it is started directly and nothing is recorded. A new image is allocated and formatted. An existing one is checked by',
      'e2fsck (ext4) or by the mount (xfs), after a container that was killed: its journal is replayed.',
    ],
  };
}

function row(name: string, ours: boolean, samples: readonly (number | undefined)[]): Row {
  const served = samples.filter((sample) => sample !== undefined).sort((a, b) => a - b);
  const at = (share: number) => served[Math.min(served.length - 1, Math.floor(served.length * share))];
  return { name, ours, values: [samples.length, served.length, at(0.5), at(0.99)] };
}
