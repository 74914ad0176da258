/** The commands in the documentation: their names and options exist, and they print no warning. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import t from 'tap';
import { baileyProgram } from '../../src/bailey/commands/program.ts';
import { describeCastle } from '../../src/castle/commands/program.ts';
import { installBailey, run, temporaryFolder } from '../bailey/kit/bailey.ts';

const pages = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

interface Example {
  readonly page: string;
  /** One command; continued lines are joined, comments removed. */
  readonly text: string;
}

/** Every line of an indented block of code. */
const examples: readonly Example[] = pages.flatMap((page) =>
  [
    ...readFileSync(page, 'utf8')
      .replaceAll('\\\n', ' ')
      .matchAll(/^ {4}(\S.*)$/gm),
  ].map(([, line = '']) => ({
    page,
    text: line.replace(/ {2,}#.*$/, '').replace(/ +/g, ' '),
  })),
);

t.ok(examples.length > 50, `${examples.length} examples`);

t.test('every example of castle and bailey names a command and options that exist', async (t) => {
  const programs = new Map([
    ['castle', describeCastle()],
    ['bailey', baileyProgram()],
  ]);
  let checked = 0;
  for (const { page, text } of examples) {
    const [name = '', ...words] = text.replace(/^node dist\/(\w+)\.js/, '$1').split(' ');
    const program = programs.get(name);
    // The other arguments of `jenkins` and `agent` are those of Jenkins and agent.jar.
    if (program === undefined || ['jenkins', 'agent'].includes(words[0] ?? '') || words.length === 0)
      continue;
    checked += 1;
    t.equal(faultOf(program, words), undefined, `${page}: ${text}`);
  }
  t.ok(checked > 25, `${checked} examples were checked`);
});

/** @returns the first word that is no command or option, or undefined */
function faultOf(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  for (const [at, word] of words.entries()) {
    const below = command.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (below !== undefined) command = below;
    else if (at === 0 && word !== 'help' && !word.startsWith('-')) return word;
    else if (word.startsWith('--')) {
      const [name = ''] = word.split('=');
      const known = command.createHelp().visibleOptions(command);
      if (!known.some(({ long }) => long === name)) return word;
    }
  }
  return undefined;
}

t.test('every npm script and Dockerfile that an example names exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  for (const { page, text } of examples) {
    for (const [, script = ''] of text.matchAll(/\bnpm run ([\w:]+)/g))
      t.ok(scripts[script], `${page}: ${text}`);
    for (const [, file = ''] of text.matchAll(/\bdocker build .*--file (\S+)/g))
      t.ok(existsSync(file), `${page}: ${text}`);
  }
});

t.test('every example of an agent starts java without a warning', async (t) => {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  mkdirSync(join(folder, 'bin'));
  const java = join(folder, 'bin/java');
  writeFileSync(java, '#!/bin/sh\nexit 0\n');
  chmodSync(java, 0o755);
  const jar = join(folder, 'agent.jar');
  writeFileSync(jar, '');
  const agents = examples.flatMap(({ page, text }) => {
    const [, args] = /(?:--entrypoint \/bailey-agent \S+|^bailey agent) (-.*)$/.exec(text) ?? [];
    return args === undefined ? [] : [{ page, args: args.split(' ') }];
  });
  t.ok(agents.length >= 2, `${agents.length} examples`);
  for (const { page, args } of agents) {
    const env = {
      PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
      BAILEY_PREFLIGHT: 'off',
      JENKINS_AGENT_FILE: jar,
    };
    const { code, stderr } = await run(bailey, { args: ['agent', ...args], env });
    t.match({ code, stderr }, { code: 0 }, `${page}: ${args.join(' ')}`);
    t.notMatch(stderr, /deprecated|warning/i, `${page}: ${args.join(' ')}`);
  }
});
