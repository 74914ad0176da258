/** Filling JENKINS_HOME from an image's reference folder: `bailey jenkins` compared with a shell script. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeFullPlugin } from '../test/bailey/controller/kit/plugin-archive.ts';
import { alternate } from './sample.ts';
import type { BenchOptions } from './section.ts';
import type { Table } from './table.ts';

const plugins = 300;
const pluginBytes = 100_000;
const otherFiles = 50;

interface Filling {
  readonly name: string;
  readonly ours: boolean;
  readonly command: readonly string[];
}

/** The cost of one start. */
interface StartCost {
  readonly ms: number;
  /** The largest resident set of any of its processes. */
  readonly peakKb: number;
}

/**
 * Starts twice with each of many new homes: at the first start every file is missing, at the second start none is.
 * @param folder an empty folder on the file system to measure
 */
export async function measureHomeFilling(
  { quick, reportProgress }: BenchOptions,
  folder: string,
): Promise<Table> {
  const rounds = quick ? 1 : 7;
  const reference = join(folder, 'ref');
  writeReference(reference);
  const nothing = resolve('build/bench/nothing');
  const fillings: readonly Filling[] = [
    {
      name: 'a shell script (find, unzip, sort -V, cp)',
      ours: false,
      command: ['bash', resolve('bench/copy-reference.sh'), nothing],
    },
    {
      name: 'bailey jenkins',
      ours: true,
      command: [process.execPath, resolve('dist/bailey.js'), 'jenkins', nothing],
    },
  ];
  reportProgress(
    `${plugins} plug-ins and ${otherFiles} files, ${rounds} times each into an empty home and once more`,
  );
  let homes = 0;
  const medians = await alternate(fillings, rounds, async ({ command }) => {
    // Each start has a new home, and no home is removed: ext4 creates files slowly where files were just deleted.
    const home = join(folder, `home-${homes++}`);
    mkdirSync(home);
    const env = { PATH: '/usr/bin:/bin', JENKINS_HOME: home, REF: reference };
    const cold = await start(command, env);
    const warm = await start(command, env);
    requireFilled(home);
    return { coldMs: cold.ms, warmMs: warm.ms, peakMb: Math.max(cold.peakKb, warm.peakKb) / 1024 };
  });
  return {
    title: `Start with ${plugins} plug-ins of ${pluginBytes / 1000} KB and ${otherFiles} files in the reference folder`,
    columns: [
      { name: 'into an empty home ms', digits: 0 },
      { name: 'nothing has changed ms', digits: 0 },
      { name: 'peak MB', digits: 0 },
    ],
    rows: fillings.map(({ name, ours }, index) => {
      const median = medians[index];
      return { name, ours, values: [median?.coldMs, median?.warmMs, median?.peakMb] };
    }),
    notes: [
      `Medians of ${rounds} rounds in turn, Node ${process.version}, until a program that returns at once has taken over. Only bailey`,
      'waits until its writes are on disk. Before each start the disk is idle (sync). The goals are',
      `${(1 / 12).toFixed(2)}× into an empty home, ${(1 / 20).toFixed(2)}× when nothing has changed, and 120 MB.`,
    ],
  };
}

function writeReference(reference: string): void {
  for (let n = 0; n < plugins; n++)
    writeFullPlugin(
      join(reference, `plugins/plugin-${n}.jpi`),
      `${n}.${n % 7}-${n % 5}.v0a1b2c_${n}`,
      pluginBytes,
    );
  for (let n = 0; n < otherFiles; n++) {
    const path = join(reference, n % 2 === 0 ? 'init.groovy.d' : `jobs/job-${n}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `file-${n}.xml`), `<file>${n}</file>\n`.repeat(100));
  }
}

/** Runs a command to its end, on an idle disk. */
async function start(command: readonly string[], env: NodeJS.ProcessEnv): Promise<StartCost> {
  execFileSync('sync');
  // In its own process group, so that no part of a shell's pipeline outlives the benchmark.
  const child = spawn(resolve('build/bench/usage'), command, {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  process.prependOnceListener('exit', end); // the output ends before the folder is removed
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('exit', end);
  const [ms, peakKb] = printed.split(' ').map(Number);
  if (code !== 0 || ms === undefined || peakKb === undefined) throw new Error(`${command.join(' ')} failed`);
  return { ms, peakKb };
}

/** Checks that every file was copied. */
function requireFilled(home: string): void {
  const archives = readdirSync(join(home, 'plugins')).filter((name) => name.endsWith('.jpi')).length;
  const scripts = readdirSync(join(home, 'init.groovy.d')).length;
  if (archives !== plugins || scripts !== otherFiles / 2) throw new Error(`${home} was not filled`);
}
