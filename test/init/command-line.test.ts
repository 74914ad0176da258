// The command line of bailey-init, and the message and exit code of a wrong one.
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { bailey } from './bailey-init.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

function run(args: readonly string[], environment: Record<string, string> = {}) {
  const env = { PATH: process.env['PATH'], ...environment };
  const { status, stdout, stderr } = spawnSync(bailey, args, { encoding: 'utf8', env });
  return { code: status, stdout, stderr };
}

t.test('--help, the manual and the parser come from one table of options', async (sub) => {
  const { code, stdout, stderr } = run(['--help']);
  sub.equal(code, 0);
  sub.equal(stderr, '');
  sub.same(run(['-h']), { code, stdout, stderr }, '-h');
  for (const line of stdout.split('\n')) sub.ok(line.length <= 100, 'fits a terminal');
  const options = [...new Set(stdout.match(/^ {2}(?:-\w, )?--[a-z-]{2,}/gm))].map((text) =>
    text.replace(/.* /, ''),
  );
  const variables = [...new Set(stdout.match(/BAILEY_[A-Z_]+/g))];
  sub.equal(options.length, variables.length + 2, 'each option except --help and --version has a variable');
  for (const variable of variables)
    sub.ok(options.includes(`--${variable.slice(7).toLowerCase().replaceAll('_', '-')}`), variable);
  const manual = readFileSync('native/init/bailey-init.1', 'utf8').replaceAll('\\-', '-');
  for (const option of options) sub.ok(manual.includes(`\\fB${option}\\fR`), `the manual has ${option}`);
  const made = spawnSync(process.execPath, ['scripts/bailey-init-options.js', '--check'], {
    encoding: 'utf8',
  });
  sub.same(
    [made.status, made.stderr],
    [0, ''],
    'the files that are generated from options.json are up to date',
  );
  for (const number of ['128+', '127', '126', '64', '70', '71'])
    for (const [name, text] of Object.entries({
      help: stdout,
      manual: manual.replace(/\.RI 128\+ n/, '128+n'),
    }))
      sub.ok(text.includes(number), `${name} has the exit status ${number}`);
});

t.test('a change by hand to a file that is generated from options.json is reported', async (sub) => {
  const folder = sub.testdir({});
  cpSync('native/init', `${folder}/native/init`, { recursive: true });
  cpSync('scripts', `${folder}/scripts`, { recursive: true });
  writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
  const check = () =>
    spawnSync(process.execPath, [`${folder}/scripts/bailey-init-options.js`, '--check'], {
      encoding: 'utf8',
    });
  sub.equal(check().status, 0);
  for (const file of ['bailey-init.1', 'bailey_options.h']) {
    const path = `${folder}/native/init/${file}`;
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('BAILEY_GRACE', 'BAILEY_GRACES').replace('Reap until', 'Reaps until'));
    const { status, stderr } = check();
    sub.equal(status, 1, file);
    sub.match(stderr, `/native/init/${file} differs from options.json`);
    writeFileSync(path, text);
  }
});

t.test('--version and -V print the version', async (sub) => {
  for (const option of ['--version', '-V'])
    sub.same(run([option]), { code: 0, stdout: `bailey-init ${version}\n`, stderr: '' });
});

t.test('--help that cannot be written ends with exit code 74', async (sub) => {
  const { status } = spawnSync('sh', ['-c', '"$0" --help >/dev/full', bailey]);
  sub.equal(status, 74);
});

t.test('a wrong command line ends with one line about the error and exit code 64', async (sub) => {
  const cases: [args: string[], environment: Record<string, string>, says: string][] = [
    [[], {}, 'no program to run was given; see --help'],
    [['--'], {}, 'no program to run was given; see --help'],
    [['--reap', 'wait'], {}, 'no program to run was given; see --help'],
    [['--no-such', 'true'], {}, "unknown option '--no-such'; see --help"],
    [['-x', 'true'], {}, "unknown option '-x'; see --help"],
    [['--reaper', 'true'], {}, "unknown option '--reaper'; see --help"],
    [['--reap', 'soon', 'true'], {}, "--reap needs auto, kernel or wait, not 'soon'; see --help"],
    [['--reap=', 'true'], {}, "--reap needs auto, kernel or wait, not ''; see --help"],
    [['--reap'], {}, '--reap needs auto, kernel or wait; see --help'],
    [['true'], { BAILEY_REAP: 'soon' }, "BAILEY_REAP needs auto, kernel or wait, not 'soon'; see --help"],
  ];
  for (const [args, environment, says] of cases) {
    const name = [...args, ...Object.values(environment)].join(' ');
    sub.same(run(args, environment), { code: 64, stdout: '', stderr: `bailey-init: ${says}\n` }, name);
  }
});

t.test('options end at the first argument that is not an option', async (sub) => {
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

t.test(
  'BAILEY_REAP: an empty value counts as unset, the command line takes precedence, the program inherits it',
  async (sub) => {
    const shows = ['sh', '-c', 'echo "[$BAILEY_REAP]"'];
    sub.same(run(shows, { BAILEY_REAP: '' }), { code: 0, stdout: '[]\n', stderr: '' });
    sub.same(run(shows, { BAILEY_REAP: 'wait' }), { code: 0, stdout: '[wait]\n', stderr: '' });
    // PID 1 ignores SIGCHLD only when the kernel reaps.
    const ignored = ['sh', '-c', "sed -n 's/^SigIgn:.*\\(.....\\)$/\\1/p' /proc/$PPID/status"];
    sub.equal(run(['--reap', 'wait', ...ignored], { BAILEY_REAP: 'kernel' }).stdout, '00000\n');
    sub.equal(run(ignored, { BAILEY_REAP: 'wait' }).stdout, '00000\n');
  },
);
