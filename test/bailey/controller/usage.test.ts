/** The command line of `bailey` itself. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';

const bailey = (...args: string[]) => spawnSync('dist/bailey.js', args, { encoding: 'utf8' });

t.test('a wrong command line is one sentence on stderr, and 64', async (t) => {
  const cases: readonly [RegExp, ...string[]][] = [
    [/^bailey: no command given; try bailey --help\n$/],
    [/^bailey: unknown command 'nope'; try bailey --help\n$/, 'nope'],
    [/^bailey: unknown command 'jenkin' \(Did you mean jenkins\?\); try bailey --help\n$/, 'jenkin'],
    [/^bailey: unknown option '--nope'; try bailey --help\n$/, '--nope'],
    [/^bailey: unknown command 'nope'; try bailey --help\n$/, 'help', 'nope'],
    [/^bailey: unknown command 'constructor'; try bailey --help\n$/, 'constructor'],
    [/^bailey: unknown option '--nope'; try bailey zombies --help\n$/, 'zombies', '--nope'],
    [/^bailey: .* a number of seconds .*; try bailey zombies --help\n$/, 'zombies', '--watch', 'soon'],
  ];
  for (const [line, ...args] of cases) {
    const { status, stdout, stderr } = bailey(...args);
    t.equal(status, 64, `bailey ${args.join(' ')}`);
    t.match(stderr, line);
    t.equal(stdout, '');
  }
});

t.test('a result that cannot be written is no success', async (t) => {
  for (const what of ['--help', '--version', 'help zombies', 'zombies', 'zombies --json']) {
    const script = `exec dist/bailey.js ${what} > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    t.equal(status, 74, what);
    t.equal(stderr, 'bailey: standard output cannot be written: ENOSPC\n', what);
  }
});

t.test('--version and --help', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  t.equal(bailey('--version').stdout, `bailey ${version}\n`);
  const { status, stdout, stderr } = bailey('--help');
  t.equal(status, 0);
  t.equal(stderr, '');
  t.match(stdout, /Examples:[\s\S]*Exit codes[\s\S]*64 +wrong command line[\s\S]*78 +a setting is wrong/);
  for (const [command, variable] of [
    ['jenkins', 'CASTLE_VOLUME'],
    ['agent', 'REMOTING_OPTS'],
  ] as const) {
    const help = bailey('help', command);
    t.equal(help.status, 0);
    t.match(help.stdout, new RegExp(`^Usage: bailey ${command} \\[args...\\][\\s\\S]*  ${variable} `));
  }
});
