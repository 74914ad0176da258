/** Usage errors, help and version of `bailey` and `castle`. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { agentSettings } from '../../../src/bailey/agent/settings.ts';
import { controllerSettings } from '../../../src/bailey/controller/settings.ts';
import { healthSettings } from '../../../src/bailey/health/settings.ts';
import { jvmSettings } from '../../../src/bailey/jvm/settings.ts';
import { zombiesSettings } from '../../../src/bailey/processes/settings.ts';
import type { Setting } from '../../../src/terminal/setting.ts';

const bailey = (...args: string[]) => spawnSync('dist/bailey.js', args, { encoding: 'utf8' });

t.test('a wrong command line is reported in one line on stderr, exit code 64', async (t) => {
  const cases: readonly [RegExp, ...string[]][] = [
    [/^bailey: no command given; for usage, run: bailey --help\n$/],
    [/^bailey: unknown command 'nope'; for usage, run: bailey --help\n$/, 'nope'],
    [
      /^bailey: unknown command 'jenkin' \(Did you mean jenkins\?\); for usage, run: bailey --help\n$/,
      'jenkin',
    ],
    [/^bailey: unknown option '--nope'; for usage, run: bailey --help\n$/, '--nope'],
    [/^bailey: unknown command 'nope'; for usage, run: bailey --help\n$/, 'help', 'nope'],
    [/^bailey: unknown command 'constructor'; for usage, run: bailey --help\n$/, 'constructor'],
    [/^bailey: unknown option '--nope'; for usage, run: bailey zombies --help\n$/, 'zombies', '--nope'],
    [
      /^bailey: .* a number of seconds from 0\.1 to 86400; for usage, run: bailey zombies --help\n$/,
      'zombies',
      '--watch',
      'soon',
    ],
  ];
  for (const [line, ...args] of cases) {
    const { status, stdout, stderr } = bailey(...args);
    t.equal(status, 64, `bailey ${args.join(' ')}`);
    t.match(stderr, line);
    t.equal(stdout, '');
  }
});

t.test('exit code 74 when standard output cannot be written', async (t) => {
  for (const what of ['--help', '--version', 'help zombies', 'zombies', 'zombies --json']) {
    const script = `exec dist/bailey.js ${what} > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    t.equal(status, 74, what);
    t.equal(stderr, 'bailey: standard output cannot be written: ENOSPC\n', what);
  }
});

t.test('-V and --version print the version; -h and --help print help', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  for (const program of ['bailey', 'castle']) {
    const run = (...args: string[]) => spawnSync(`dist/${program}.js`, args, { encoding: 'utf8' });
    for (const option of ['-V', '--version'])
      t.match(
        run(option),
        { status: 0, stdout: `${program} ${version}\n`, stderr: '' },
        `${program} ${option}`,
      );
    for (const option of ['-h', '--help'])
      t.match(run(option), { status: 0, stdout: /Examples:/, stderr: '' }, `${program} ${option}`);
  }
  t.match(bailey('--help').stdout, /Exit codes[\s\S]*64 +wrong command line[\s\S]*78 +wrong configuration/);
  for (const command of ['health', 'jvm', 'zombies'])
    t.match(bailey(command, '-h'), {
      status: 0,
      stdout: new RegExp(`^Usage: bailey ${command} `),
      stderr: '',
    });
  t.match(spawnSync('dist/castle.js', ['volume', 'create', '-h'], { encoding: 'utf8' }), {
    status: 0,
    stdout: /^Usage: castle volume create /,
  });
});

t.test('the help of a command lists each of its settings', async (t) => {
  const commands: Readonly<Record<string, readonly Setting[]>> = {
    jenkins: controllerSettings,
    agent: agentSettings,
    health: healthSettings,
    jvm: jvmSettings,
    zombies: zombiesSettings,
  };
  for (const [command, settings] of Object.entries(commands)) {
    const help = bailey('help', command);
    t.equal(help.status, 0);
    t.equal(help.stderr, '');
    t.match(help.stdout, new RegExp(`^Usage: bailey ${command} \\[`));
    for (const { option, variable } of settings) {
      if (option !== undefined) t.match(help.stdout, new RegExp(`^ +${option}\\b`, 'm'));
      else if (command !== 'jvm') t.match(help.stdout, new RegExp(`^ +${variable}\\b`, 'm'));
    }
  }
});

t.test('bailey jenkins --help without a jenkins.war, and bailey agent --help, print the help', async (t) => {
  for (const option of ['-h', '--help'])
    for (const [command, variable] of [
      ['jenkins', 'CASTLE_VOLUME'],
      ['agent', 'REMOTING_OPTS'],
    ] as const) {
      const { status, stdout, stderr } = spawnSync('dist/bailey.js', [command, option], {
        encoding: 'utf8',
        env: { ...process.env, JENKINS_WAR: '/nonexistent/jenkins.war' },
      });
      t.equal(status, 0, `bailey ${command} ${option}`);
      t.equal(stderr, '');
      t.match(stdout, new RegExp(`^Usage: bailey ${command} \\[args...\\][\\s\\S]*  ${variable} `));
    }
});
