/** The time from the start of an agent to java: the single-file agent compared with Node and the files of dist/. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { knownController } from '../test/bailey/kit/bailey.ts';
import { prepare, runMs } from './jenkins.ts';
import { alternate } from './sample.ts';
import type { Section } from './section.ts';
import { temporaryFolder } from './temporary-folder.ts';

const agent = resolve('dist/bailey-agent');
const bundle = resolve('dist/bailey.js');

interface AgentStart {
  readonly name: string;
  readonly ours: boolean;
  readonly program: string;
  readonly args: readonly string[];
  /** The files that an image needs for this agent, besides libraries and java. */
  readonly files: readonly string[];
}

const starts: readonly AgentStart[] = [
  {
    name: 'node dist/bailey.js agent',
    ours: false,
    program: process.execPath,
    args: [bundle, 'agent'],
    files: [process.execPath, bundle, resolve('dist/addon.node'), resolve('dist/bailey-init')],
  },
  { name: 'dist/bailey-agent', ours: true, program: agent, args: [], files: [agent] },
];

export const inject: Section = {
  name: 'inject',
  async run({ quick, reportProgress }) {
    if (!existsSync(agent)) {
      reportProgress('skipped: dist/bailey-agent does not exist; create it with npm run build -- --inject');
      return [];
    }
    const folder = temporaryFolder();
    const jar = join(folder, 'jenkins.war');
    const env = { ...prepare(folder), ...knownController, JENKINS_AGENT_FILE: jar };
    const rounds = quick ? 5 : 30;
    reportProgress(`${rounds} starts of each`);
    const medians = await alternate(starts, rounds, async ({ program, args }) => ({
      ms: await runMs(args, env, program),
    }));
    return [
      {
        title: 'Start of an agent: until java replaces it',
        columns: [
          { name: 'ms', digits: 1 },
          { name: 'MB of files', digits: 1 },
        ],
        rows: starts.map(({ name, ours, files }, index) => ({
          name,
          ours,
          values: [medians[index]?.ms, megabytes(files)],
        })),
        notes: [
          `Medians of ${rounds} runs in turn, Node ${process.version}; java is a program that returns at once.`,
          'The goal is at most 150 ms more than the normal way.',
        ],
      },
    ];
  },
};

const megabytes = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6;
