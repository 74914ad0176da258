/** A castle: from a container's request to the mount, one after another and many at once. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { basename, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { holdWith } from '../src/castle/leases/containers.ts';
import { identify } from '../src/castle/proc.ts';
import { native } from '../src/container/native.ts';
import { temporaryFolder } from './folder.ts';
import type { BenchOptions, Section } from './section.ts';
import type { Row, Table } from './table.ts';

/** How many containers ask at the same moment. */
const atOnce = [10, 50];
const startWithinMs = 20_000;
/** Options of setpriv(1): should the benchmark be killed, the kernel kills what it has started. */
const endsWithUs = ['--pdeathsig', 'KILL', '--'];

export const castle: Section = {
  name: 'castle',
  async run(options) {
    if (process.getuid?.() !== 0) {
      options.say('skipped: needs root');
      return [];
    }
    const tables = [await withCastle('local=DIR', (folder) => measureRequests(options, folder))];
    const rows: Row[] = [];
    for (const backend of ['local=DIR', 'loop=DIR,fs=ext4,size=16M', 'loop=DIR,fs=xfs,size=300M']) {
      options.say(`new and existing volumes, ${backend}`);
      rows.push(...(await withCastle(backend, (folder) => newAndExisting(backend, options, folder))));
    }
    return [...tables, backendsTable(rows)];
  },
};

/** @param backend as in `--backend`, DIR standing for a folder in the one that `measure` gets */
async function withCastle<T>(backend: string, measure: (folder: string) => Promise<T>): Promise<T> {
  const folder = temporaryFolder();
  const running = await startCastle(folder, backend);
  try {
    return await measure(folder);
  } finally {
    running.kill('SIGTERM');
    await once(running, 'exit');
  }
}

/** One container asks for volumes that nobody has made yet, and when it has ended another one asks for the same. */
async function newAndExisting(backend: string, { quick }: BenchOptions, folder: string): Promise<Row[]> {
  const count = quick ? 5 : 20;
  const name = backend.replace('=DIR', '').replaceAll(',', ', ');
  const first = await Asker.start(folder);
  const made = [];
  for (const [n, target] of first.targets(count, 'first').entries()) {
    made.push(await first.ask(target, `volume-${n}`));
  }
  await first.end();
  await untilNoLease(join(folder, 'castle.sock'));
  const second = await Asker.start(folder);
  const found = [];
  for (const [n, target] of second.targets(count, 'second').entries()) {
    found.push(await second.ask(target, `volume-${n}`));
  }
  await second.end();
  const isLoop = backend.startsWith('loop');
  return [row(`${name}: new`, isLoop, made), row(`${name}: existing`, isLoop, found)];
}

/** What row() fills. */
const columns = [
  { name: 'requests', digits: 0 },
  { name: 'served', digits: 0 },
  { name: 'p50 ms', digits: 1 },
  { name: 'p99 ms', digits: 1 },
];

function backendsTable(rows: readonly Row[]): Table {
  return {
    title: 'castle: from request to mounted, by backend, one after another',
    columns,
    rows,
    notes: [
      'A new image is allocated and formatted; an existing one is looked at by e2fsck (ext4) or by the mount (xfs). Those',
      'of a container that was killed: its journals are replayed.',
    ],
  };
}

/** The castle sees the end of a container a moment after it. */
async function untilNoLease(socketPath: string): Promise<void> {
  const end = performance.now() + startWithinMs;
  while ((await leases(socketPath)) !== '[]') {
    if (performance.now() > end) throw new Error('the leases of a container that has ended stay');
    await pause(20);
  }
}

function leases(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/v1/leases', agent: false }, async (answer) => {
      let text = '';
      for await (const part of answer) text += part;
      resolve(text);
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function measureRequests({ quick, say }: BenchOptions, folder: string): Promise<Table> {
  const rows: Row[] = [];
  const count = quick ? 20 : 200;
  say(`${count} requests one after another`);
  rows.push(row('castle-mount alone', false, await bareMounts(folder, count)));
  rows.push(row('one after another', true, await oneAfterAnother(folder, count)));
  for (const containers of atOnce) {
    say(`${containers} containers at once`);
    rows.push(row(`${containers} at once`, true, await together(folder, containers)));
  }
  return {
    title: 'castle: from request to mounted, new volume each time, backend local',
    columns,
    rows,
    notes: [
      'Measured in the container (node in namespaces of its own), the look at the mount included. The bare program, in',
      'the same run, is the floor: it is started by hand and nothing is recorded. The goal is a p50 of 15 ms.',
    ],
  };
}

function row(name: string, ours: boolean, samples: readonly (number | undefined)[]): Row {
  const served = samples.filter((sample) => sample !== undefined).sort((a, b) => a - b);
  const at = (share: number) => served[Math.min(served.length - 1, Math.floor(served.length * share))];
  return { name, ours, values: [samples.length, served.length, at(0.5), at(0.99)] };
}

async function startCastle(folder: string, backend: string): Promise<ReturnType<typeof spawn>> {
  const socket = join(folder, 'castle.sock');
  const args = [
    '--socket',
    socket,
    '--state',
    join(folder, 'state'),
    '--backend',
    backend.replace('DIR', join(folder, 'volumes')),
  ];
  const command = [process.execPath, 'dist/castle.js', 'serve', ...args, '--runtime', 'process'];
  const running = spawn('setpriv', [...endsWithUs, ...command], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const end = performance.now() + startWithinMs;
  while (!existsSync(socket)) {
    if (performance.now() > end || running.exitCode !== null) throw new Error('the castle did not start');
    await pause(20);
  }
  return running;
}

/** castle-mount started by hand for a process in another mount namespace. */
async function bareMounts(folder: string, count: number): Promise<number[]> {
  const source = join(folder, 'bare');
  mkdirSync(source);
  const asker = await Asker.start(folder);
  const held = holdWith(native())(identify(asker.firstProcess()));
  if (held === undefined) throw new Error('the asking container has ended');
  const { namespace, root, close } = held.open();
  const samples = [];
  for (const target of asker.targets(count, 'bare')) {
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
}

async function oneAfterAnother(folder: string, count: number): Promise<(number | undefined)[]> {
  const asker = await Asker.start(folder);
  const samples = [];
  for (const target of asker.targets(count, 'one')) samples.push(await asker.ask(target));
  await asker.end();
  return samples;
}

async function together(folder: string, containers: number): Promise<(number | undefined)[]> {
  const askers = [];
  for (let n = 0; n < containers; n++) askers.push(await Asker.start(folder));
  const asking = askers.map((asker, n) => asker.ask(asker.targets(1, `of${containers}-${n}`)[0] ?? ''));
  const samples = await Promise.all(asking);
  await Promise.all(askers.map((asker) => asker.end()));
  return samples;
}

/** A container that asks when it is told to. */
class Asker {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #folder: string;

  private constructor(started: ChildProcessWithoutNullStreams, lines: Interface, folder: string) {
    this.#process = started;
    this.#lines = lines[Symbol.asyncIterator]();
    this.#folder = folder;
  }

  static async start(folder: string): Promise<Asker> {
    const args = [
      'unshare',
      '--pid',
      '--mount',
      '--fork',
      '--kill-child',
      '--mount-proc',
      process.execPath,
      'bench/asker.mjs',
    ];
    const started = spawn('setpriv', [...endsWithUs, ...args, join(folder, 'castle.sock')]);
    const asker = new Asker(started, createInterface({ input: started.stdout }), folder);
    if ((await asker.#line()) !== 'ready') throw new Error('a container did not start');
    return asker;
  }

  /** Makes empty folders to mount on. */
  targets(count: number, name: string): string[] {
    return Array.from({ length: count }, (_, n) => {
      const target = join(this.#folder, `${name}-${n}`);
      mkdirSync(target);
      return target;
    });
  }

  /** Asks for a volume. @returns milliseconds, or undefined when it was refused */
  async ask(target: string, volume = basename(target)): Promise<number | undefined> {
    this.#process.stdin.write(`${volume} ${target}\n`);
    const milliseconds = Number(await this.#line());
    return Number.isNaN(milliseconds) ? undefined : milliseconds;
  }

  /** The container's PID 1, as a number of ours. */
  firstProcess(): number {
    const { pid } = this.#process;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  }

  async end(): Promise<void> {
    this.#process.stdin.end();
    await once(this.#process, 'exit');
  }

  async #line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('a container ended');
    return next.value;
  }
}
