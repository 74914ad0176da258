/** `docker run` of a container that needs its storage: a named volume of the engine compared with a volume of the castle. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { RunningCastle } from './running-castle.ts';
import { median } from './sample.ts';
import type { BenchOptions } from './section.ts';
import type { Row, Table } from './table.ts';
import { temporaryFolder } from './temporary-folder.ts';

const data = '/data';

/** @returns no table when no container engine answers */
export async function dockerRun({ quick, reportProgress }: BenchOptions): Promise<Table[]> {
  if (spawnSync('docker', ['version'], { stdio: 'ignore' }).status !== 0) {
    reportProgress('docker run is skipped: no container engine answers');
    return [];
  }
  const rounds = quick ? 2 : 15;
  const reference = `bailey-test/bench-${process.pid}:latest`;
  importClientImage(reference);
  try {
    reportProgress(`${rounds} times docker run, with each kind of storage`);
    return [await RunningCastle.with('local=DIR', (castle) => compare(castle, reference, rounds), 'docker')];
  } finally {
    spawnSync('docker', ['image', 'rm', '--force', reference], { stdio: 'ignore' });
  }
}

/** Runs the kinds in turn, so that other load on the machine affects all of them alike. */
async function compare(castle: RunningCastle, image: string, rounds: number): Promise<Table> {
  const named = `bailey-bench-${process.pid}`;
  const castleOptions = [
    '--volume',
    `${join(castle.folder, 'run')}:/run/castle:ro`,
    '--label',
    'castle.volume=main',
  ];
  const kinds = [
    { name: 'no storage', ours: false, options: [], input: '' },
    { name: 'a named volume', ours: false, options: ['--volume', `${named}:${data}`], input: '' },
    { name: 'a volume of the castle', ours: true, options: castleOptions, input: `main ${data}\n` },
  ];
  const samples = new Map<string, number[]>(kinds.map(({ name }) => [name, []]));
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const { name, options, input } of kinds) {
        const begin = performance.now();
        const args = ['run', '--rm', '--interactive', '--network', 'none', ...options, image];
        const output = execFileSync('docker', args, { input, encoding: 'utf8' });
        // The first round is not counted, because it creates the volumes of later rounds.
        if (round > 0) samples.get(name)?.push(performance.now() - begin);
        if (input !== '' && !/^ready\n\d/.test(output)) throw new Error(`the castle refused: ${output}`);
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
    title: 'castle: a complete docker run of a container that needs its storage and ends',
    columns: [
      { name: 'p50 ms', digits: 0 },
      { name: 'slowest ms', digits: 0 },
    ],
    rows,
    notes: [
      'From docker run to its end. The container is one static program (bench/lease-client.c); with the castle it requests',
      'its volume and waits for the mount. The named volume and the volume of the castle exist already.',
    ],
  };
}

/** Imports an image that has only the program that requests the volume. */
function importClientImage(reference: string): void {
  const folder = temporaryFolder();
  const root = join(folder, 'root');
  for (const place of ['data', 'run/castle', 'proc']) mkdirSync(join(root, place), { recursive: true });
  copyFileSync('build/bench/lease-client', join(root, 'lease-client'));
  chmodSync(join(root, 'lease-client'), 0o755);
  const archive = join(folder, 'root.tar');
  execFileSync('tar', ['--create', '--file', archive, '--directory', root, '.']);
  const entry = 'ENTRYPOINT ["/lease-client","/run/castle/castle.sock"]';
  execFileSync('docker', ['import', '--change', entry, archive, reference], { stdio: 'ignore' });
}
