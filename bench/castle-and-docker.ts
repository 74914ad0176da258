/** `docker run` until the container has its storage: a named volume of the engine's next to a castle's. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './folder.ts';
import { RunningCastle } from './running-castle.ts';
import { median } from './sample.ts';
import type { BenchOptions } from './section.ts';
import type { Row, Table } from './table.ts';

const data = '/data';

/** @returns no table when there is no engine */
export async function castleAndDocker({ quick, say }: BenchOptions): Promise<Table[]> {
  if (spawnSync('docker', ['version'], { stdio: 'ignore' }).status !== 0) {
    say('docker run is left out: no engine answers');
    return [];
  }
  const rounds = quick ? 2 : 15;
  const reference = `bailey-test/bench-${process.pid}:latest`;
  importAsker(reference);
  try {
    say(`${rounds} times docker run, with each kind of storage`);
    return [await RunningCastle.with('local=DIR', (castle) => compare(castle, reference, rounds), 'docker')];
  } finally {
    spawnSync('docker', ['image', 'rm', '--force', reference], { stdio: 'ignore' });
  }
}

/** In turn: what else the machine does meets all of them. */
async function compare(castle: RunningCastle, image: string, rounds: number): Promise<Table> {
  const named = `bailey-bench-${process.pid}`;
  const asks = ['--volume', `${join(castle.folder, 'run')}:/run/castle:ro`, '--label', 'castle.volume=main'];
  const kinds = [
    { name: 'no storage', ours: false, options: [], input: '' },
    { name: 'a named volume', ours: false, options: ['--volume', `${named}:${data}`], input: '' },
    { name: 'a volume of the castle', ours: true, options: asks, input: `main ${data}\n` },
  ];
  const samples = new Map<string, number[]>(kinds.map(({ name }) => [name, []]));
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const { name, options, input } of kinds) {
        const begin = performance.now();
        const args = ['run', '--rm', '--interactive', '--network', 'none', ...options, image];
        const said = execFileSync('docker', args, { input, encoding: 'utf8' });
        // The first round is for what is made once.
        if (round > 0) samples.get(name)?.push(performance.now() - begin);
        if (input !== '' && !/^ready\n\d/.test(said)) throw new Error(`the castle refused: ${said}`);
        await castle.untilNoLease();
      }
    }
  } finally {
    spawnSync('docker', ['volume', 'rm', named], { stdio: 'ignore' });
  }
  const rows: Row[] = kinds.map(({ name, ours }) => {
    const sorted = [...(samples.get(name) ?? [])].sort((a, b) => a - b);
    return { name, ours, values: [median(sorted), sorted.at(-1)] };
  });
  return {
    title: 'castle: the whole docker run of a container that needs its storage and ends',
    columns: [
      { name: 'p50 ms', digits: 0 },
      { name: 'slowest ms', digits: 0 },
    ],
    rows,
    notes: [
      'From docker run to its end; the container is one static program (bench/asker.c), which with the castle asks and',
      'waits for its mount. The named volume and the one of the castle are there already.',
    ],
  };
}

/** An image of nothing but the program that asks. */
function importAsker(reference: string): void {
  const folder = temporaryFolder();
  const root = join(folder, 'root');
  for (const place of ['data', 'run/castle', 'proc']) mkdirSync(join(root, place), { recursive: true });
  copyFileSync('build/bench/asker', join(root, 'asker'));
  chmodSync(join(root, 'asker'), 0o755);
  const archive = join(folder, 'root.tar');
  execFileSync('tar', ['--create', '--file', archive, '--directory', root, '.']);
  const entry = 'ENTRYPOINT ["/asker","/run/castle/castle.sock"]';
  execFileSync('docker', ['import', '--change', entry, archive, reference], { stdio: 'ignore' });
}
