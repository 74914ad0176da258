/** A castle: from a container's request to the mount, one after another and many at once, on each backend. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createHoldProcess } from '../src/castle/leases/held-process.ts';
import { native } from '../src/linux/native-addon.ts';
import { identify } from '../src/linux/proc.ts';
import { castleAndDocker } from './castle-and-docker.ts';
import { castleWithMuch } from './castle-with-much.ts';
import { Asker, RunningCastle } from './running-castle.ts';
import type { BenchOptions, Section } from './section.ts';
import type { Row, Table } from './table.ts';

/** How many containers ask at the same moment. */
const atOnce = [10, 100];

/** As in `--backend`, with the size of an image in MB; a backend more is a line more. */
const backends = [
  { name: 'local', backend: 'local=DIR' },
  { name: 'loop, ext4, 16M', backend: 'loop=DIR,fs=ext4,size=16M' },
  { name: 'loop, xfs, 300M', backend: 'loop=DIR,fs=xfs,size=300M' },
];

export const castle: Section = {
  name: 'castle',
  async run(options) {
    if (process.getuid?.() !== 0) {
      options.say('skipped: needs root');
      return [];
    }
    const rows = [row('castle-mount alone', false, await bareMounts(options))];
    for (const { name, backend } of backends) {
      options.say(`requests, ${name}`);
      rows.push(...(await RunningCastle.with(backend, (castle) => measure(name, options, castle))));
    }
    return [requestsTable(rows), ...(await castleAndDocker(options)), await castleWithMuch(options)];
  },
};

async function measure(name: string, { quick, say }: BenchOptions, castle: RunningCastle): Promise<Row[]> {
  const count = quick ? 5 : 50;
  const ours = name === 'local';
  const first = await Asker.start(castle);
  const made = await inTurn(first, first.targets(count, 'first'));
  await first.end();
  await castle.untilNoLease();
  const second = await Asker.start(castle);
  const found = await inTurn(second, second.targets(count, 'second'));
  await second.end();
  const rows = [row(`${name}: new`, ours, made), row(`${name}: existing`, ours, found)];
  for (const containers of quick ? atOnce.slice(0, 1) : atOnce) {
    say(`${containers} containers at once, ${name}`);
    await castle.untilNoLease();
    // The first ones make the volumes: what a hundred tools at once take is the tools'.
    await together(castle, containers, 'making');
    await castle.untilNoLease();
    const samples = await together(castle, containers, 'asking');
    rows.push(row(`${name}: existing, ${containers} at once`, ours, samples));
  }
  return rows;
}

/** One container asks for volumes, one after another. */
async function inTurn(asker: Asker, targets: readonly string[]): Promise<(number | undefined)[]> {
  const samples = [];
  for (const [n, target] of targets.entries()) samples.push(await asker.ask(target, `volume-${n}`));
  return samples;
}

async function together(
  castle: RunningCastle,
  containers: number,
  name: string,
): Promise<(number | undefined)[]> {
  const askers: Asker[] = [];
  for (let n = 0; n < containers; n++) askers.push(await Asker.start(castle));
  const asking = askers.map((asker, n) => {
    const [target = ''] = asker.targets(1, `${name}-${containers}-${n}`);
    return asker.ask(target, `of-${containers}-${n}`);
  });
  const samples = await Promise.all(asking);
  await Promise.all(askers.map((asker) => asker.end()));
  return samples;
}

/** castle-mount started by hand for a process in another mount namespace. */
function bareMounts({ quick }: BenchOptions): Promise<number[]> {
  return RunningCastle.with('local=DIR', async (castle) => {
    const source = join(castle.folder, 'bare');
    mkdirSync(source);
    const asker = await Asker.start(castle);
    const held = createHoldProcess(native())(identify(asker.firstProcess()));
    if (held === undefined) throw new Error('the asking container has ended');
    const { namespace, root, close } = held.open();
    const samples = [];
    for (const target of asker.targets(quick ? 20 : 100, 'bare')) {
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
    await asker.end();
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
      'Measured in the container, the look at the mount included. castle-mount alone, in the same run, is the floor: it',
      'is started by hand and nothing is recorded. A new image is allocated and formatted; an existing one is looked at by',
      'e2fsck (ext4) or by the mount (xfs), after a container that was killed: its journals are replayed.',
    ],
  };
}

function row(name: string, ours: boolean, samples: readonly (number | undefined)[]): Row {
  const served = samples.filter((sample) => sample !== undefined).sort((a, b) => a - b);
  const at = (share: number) => served[Math.min(served.length - 1, Math.floor(served.length * share))];
  return { name, ours, values: [samples.length, served.length, at(0.5), at(0.99)] };
}
