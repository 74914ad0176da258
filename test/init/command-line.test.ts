// The command line of bailey-init, and its mistakes: one sentence, what to do, 64.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { bailey } from './programs.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

function run(args: readonly string[], environment: Record<string, string> = {}) {
  const env = { PATH: process.env['PATH'], ...environment };
  const { status, stdout, stderr } = spawnSync(bailey, args, { encoding: 'utf8', env });
  return { code: status, stdout, stderr };
}

t.test('--help names every option and every exit code', async (sub) => {
  const { code, stdout, stderr } = run(['--help']);
  sub.equal(code, 0);
  sub.equal(stderr, '');
  for (const word of [
    '--reap',
    'BAILEY_REAP',
    '--help',
    '--version',
    '128+n',
    '127',
    '126',
    '64',
    '70',
    '71',
  ])
    sub.ok(stdout.includes(word), word);
  for (const line of stdout.split('\n')) sub.ok(line.length <= 100, 'fits a terminal');
});

t.test('--version', async (sub) => {
  sub.same(run(['--version']), { code: 0, stdout: `bailey-init ${version}\n`, stderr: '' });
});

t.test('an answer that cannot be written is an error', async (sub) => {
  const { status } = spawnSync('sh', ['-c', '"$0" --help >/dev/full', bailey]);
  sub.equal(status, 74);
});

t.test('mistakes', async (sub) => {
  const cases: [args: string[], environment: Record<string, string>, says: string][] = [
    [[], {}, 'no program to run was given; try --help'],
    [['--'], {}, 'no program to run was given; try --help'],
    [['--reap', 'wait'], {}, 'no program to run was given; try --help'],
    [['--no-such', 'true'], {}, "unknown option '--no-such'; try --help"],
    [['-x', 'true'], {}, "unknown option '-x'; try --help"],
    [['--reaper', 'true'], {}, "unknown option '--reaper'; try --help"],
    [['--reap', 'soon', 'true'], {}, "--reap needs auto, kernel or wait, not 'soon'; try --help"],
    [['--reap=', 'true'], {}, "--reap needs auto, kernel or wait, not ''; try --help"],
    [['--reap'], {}, '--reap needs auto, kernel or wait; try --help'],
    [['true'], { BAILEY_REAP: 'soon' }, "BAILEY_REAP needs auto, kernel or wait, not 'soon'; try --help"],
  ];
  for (const [args, environment, says] of cases) {
    const name = [...args, ...Object.values(environment)].join(' ');
    sub.same(run(args, environment), { code: 64, stdout: '', stderr: `bailey-init: ${says}\n` }, name);
  }
});

t.test('options stop at the first argument that is none', async (sub) => {
  const echo = ['sh', '-c', 'echo "$@"', 'sh'];
  const cases: [args: string[], printed: string][] = [
    [[...echo, '--version', '-x'], '--version -x'],
    [['--', ...echo, '--help'], '--help'],
    [['--reap', 'wait', ...echo, '--', '--reap'], '-- --reap'],
    [['--reap=wait', '--', ...echo, 'a  b', ''], 'a  b '],
  ];
  for (const [args, printed] of cases)
    sub.same(run(args), { code: 0, stdout: `${printed}\n`, stderr: '' }, args.join(' '));
});

t.test('BAILEY_REAP: empty is not set, the command line wins, the program inherits it', async (sub) => {
  const shows = ['sh', '-c', 'echo "[$BAILEY_REAP]"'];
  sub.same(run(shows, { BAILEY_REAP: '' }), { code: 0, stdout: '[]\n', stderr: '' });
  sub.same(run(shows, { BAILEY_REAP: 'wait' }), { code: 0, stdout: '[wait]\n', stderr: '' });
  // Ignored SIGCHLD of the parent shows which way it is.
  const ignored = ['sh', '-c', "sed -n 's/^SigIgn:.*\\(.....\\)$/\\1/p' /proc/$PPID/status"];
  sub.equal(run(['--reap', 'wait', ...ignored], { BAILEY_REAP: 'kernel' }).stdout, '00000\n');
  sub.equal(run(ignored, { BAILEY_REAP: 'wait' }).stdout, '00000\n');
});
