/** The time from the start of `bailey jenkins` to java: without work, compared with the start of Node, and with a home to fill. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { measureHomeFilling } from './fill-home.ts';
import { alternate } from './sample.ts';
import type { BenchOptions, Section } from './section.ts';
import type { Table } from './table.ts';
import { temporaryFolder } from './temporary-folder.ts';

interface Start {
  readonly name: string;
  readonly ours: boolean;
  readonly args: readonly string[];
}

export const jenkins: Section = {
  name: 'jenkins',
  async run(options) {
    return [
      await measureStart(options, temporaryFolder()),
      await measureHomeFilling(options, temporaryFolder()),
    ];
  },
};

/** The reference folder is empty, there is no castle, and java ends immediately: the time is that of Node and bailey. */
async function measureStart({ quick, reportProgress }: BenchOptions, folder: string): Promise<Table> {
  const env = prepare(folder);
  const rounds = quick ? 5 : 30;
  reportProgress(`${rounds} starts of each`);
  const starts: readonly Start[] = [
    { name: 'node -e 0', ours: false, args: ['-e', '0'] },
    { name: 'bailey jenkins', ours: true, args: [resolve('dist/bailey.js'), 'jenkins'] },
  ];
  const medians = await alternate(starts, rounds, async ({ args }) => ({ ms: await runMs(args, env) }));
  return {
    title: 'Start of a controller: until java replaces it',
    columns: [{ name: 'ms', digits: 1 }],
    rows: starts.map(({ name, ours }, index) => ({ name, ours, values: [medians[index]?.ms] })),
    notes: [
      `Medians of ${rounds} runs in turn, Node ${process.version}; java is a program that returns at once, the reference folder`,
      'is empty, no castle. The goal is 1.5×. It can be below 1×, because exec skips the clean-up at the end of Node.',
    ],
  };
}

/** @returns the environment of the runs, with a java that returns at once */
export function prepare(folder: string): NodeJS.ProcessEnv {
  for (const name of ['home', 'ref', 'bin']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'jenkins.war'), '');
  const java = join(folder, 'bin/java');
  const compiled = spawnSync('cc', ['-O2', '-static', '-o', java, resolve('bench/nothing.c')], {
    encoding: 'utf8',
  });
  if (compiled.status !== 0) throw new Error(`cc: ${compiled.stderr}`);
  return {
    PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
    JENKINS_HOME: join(folder, 'home'),
    JENKINS_WAR: join(folder, 'jenkins.war'),
    REF: join(folder, 'ref'),
  };
}

/** @returns how long a program runs, in ms; it must succeed */
export async function runMs(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  program = process.execPath,
): Promise<number> {
  const begin = performance.now();
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return performance.now() - begin;
}
