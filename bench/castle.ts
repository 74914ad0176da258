/** A castle: from a container's request to the mount, one after another and many at once. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
    const folder = temporaryFolder();
    const running = await startCastle(folder);
    try {
      return [await measureRequests(options, folder)];
    } finally {
      running.kill('SIGTERM');
      await once(running, 'exit');
    }
  },
};

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
    columns: [
      { name: 'requests', digits: 0 },
      { name: 'served', digits: 0 },
      { name: 'p50 ms', digits: 1 },
      { name: 'p99 ms', digits: 1 },
    ],
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

async function startCastle(folder: string): Promise<ReturnType<typeof spawn>> {
  const socket = join(folder, 'castle.sock');
  const args = [
    '--socket',
    socket,
    '--state',
    join(folder, 'state'),
    '--backend',
    `local=${join(folder, 'volumes')}`,
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

  /** Asks for a volume named like the mount point. @returns milliseconds, or undefined when it was refused */
  async ask(target: string): Promise<number | undefined> {
    this.#process.stdin.write(`${target.slice(target.lastIndexOf('/') + 1)} ${target}\n`);
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
