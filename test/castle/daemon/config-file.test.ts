/**
 * `castle serve --config`: the valid content of the file, the messages about errors in it, and which setting takes
 * precedence.
 */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { exampleConfig } from '../../../src/castle/daemon/example-config.ts';
import { makeCertificate } from '../../bailey/kit/fake-castle.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';

const example = readFileSync('etc/castle.yaml', 'utf8');

function written(t: Test, text: string): string {
  const file = join(temporaryFolder(t, 'config'), 'castle.yaml');
  writeFileSync(file, text);
  return file;
}

/** Runs `castle serve` with a file that must prevent it from starting. */
const serveWith = (file: string) => run(process.execPath, ['dist/castle.js', 'serve', '--config', file]);

t.test('etc/castle.yaml is generated from the settings table', async (t) => {
  t.equal(example, exampleConfig());
});

t.test('a relative folder of volumes is refused on the command line as in the file', async (t) => {
  for (const backend of ['local=volumes', 'loop=images,size=1G']) {
    const ended = await run(process.execPath, ['dist/castle.js', 'serve', '--backend', backend]);
    const name = backend.replace(/,.*/, '');
    t.match(ended, { code: 64, stdout: '' });
    t.match(ended.stderr, `castle: --backend ${name}: the folder is not an absolute path; give for example`);
  }
});

t.test('CASTLE_SOCKET names the socket for every command; the option overrides it', async (t) => {
  const env = { ...process.env, CASTLE_SOCKET: '/nowhere/variable.sock' };
  for (const args of [['status'], ['events'], ['gc'], ['volume', 'delete', 'main'], ['snapshot', 'prune']]) {
    const byVariable = await run(process.execPath, ['dist/castle.js', ...args], { env });
    t.match(byVariable, { code: 69, stderr: / \/nowhere\/variable\.sock: / }, args.join(' '));
    const both = [...args, '--socket', '/nowhere/option.sock'];
    t.match(await run(process.execPath, ['dist/castle.js', ...both], { env }), {
      code: 69,
      stderr: / \/nowhere\/option\.sock: /,
    });
  }
});

t.test('an empty CASTLE_SOCKET counts as not set, an empty or blank path is refused', async (t) => {
  const env = { ...process.env, CASTLE_SOCKET: '' };
  const castle = (args: readonly string[]) => run(process.execPath, ['dist/castle.js', ...args], { env });
  const refused = (option: string) => ({
    code: 64,
    stdout: '',
    stderr: `castle: ${option} is empty; give a path, or omit the option\n`,
  });
  const commands = [['status'], ['events'], ['gc'], ['volume', 'delete', 'main'], ['snapshot', 'prune']];
  await Promise.all([
    ...commands.flatMap((args) => [
      castle(args).then((ended) =>
        t.match(ended, { code: 69, stderr: / \/run\/castle\/castle\.sock: / }, args.join(' ')),
      ),
      castle([...args, '--socket', '']).then((ended) =>
        t.same(ended, refused('--socket'), `${args.join(' ')}, empty`),
      ),
    ]),
    castle(['status', '--socket', '   ']).then((ended) => t.same(ended, refused('--socket'))),
    ...['--socket', '--plugin', '--state', '--docker-socket'].map(async (option) =>
      t.same(await castle(['serve', option, '   ']), refused(option)),
    ),
    castle(['serve', '--plugin', '']).then((ended) => t.same(ended, refused('--plugin'))),
  ]);
});

t.test(
  '--socket of a client command is relative to the working directory, even if the path is a number',
  async (t) => {
    const ended = await run(process.execPath, ['dist/castle.js', 'status', '--socket', '39123']);
    t.match(ended, { code: 69, stderr: ` ${join(process.cwd(), '39123')}: the socket does not exist` });
  },
);

t.test('every option has a key in the file, and the example contains it', async (t) => {
  const { stdout } = await run(process.execPath, ['dist/castle.js', 'serve', '--help']);
  const options = [...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name = '']) => name);
  t.ok(options.length > 5, options.join(' '));
  for (const option of options) {
    if (option === 'config' || option === 'help') continue;
    const { code, stderr } = await serveWith(written(t, `# a comment\n${option}: []\n`));
    t.equal(code, 78, option);
    t.match(stderr, new RegExp(`^castle: /.*castle\\.yaml:2: ${option} is \\[\\]; it must be .+\\n$`));
    t.match(example, new RegExp(`^#?${option}: `, 'm'), `${option} is in the example`);
  }
});

t.test('errors in a file are reported with their place and a remedy', async (t) => {
  const faults: [string, RegExp][] = [
    ['sockets: /a\n', /:1: key "sockets" is unknown; known keys are socket, state, /],
    ['state: /a\n\nruntime: lxc\n', /:3: runtime is "lxc"; it must be docker, podman or process$/],
    ['socket: castle.sock\n', /:1: socket is "castle.sock"; it must be an absolute path$/],
    ['backend: /srv/castle\n', /:1: backend is "\/srv\/castle"; it must be NAME=DIR/],
    ['socket: /a\nsocket: /b\n', /:2: invalid YAML: Map keys must be unique; /],
    ['socket: [1,\n', /: invalid YAML: /],
    ['socket: !!js/function x\n', /:1: invalid YAML: Unresolved tag/],
    [
      'log-level: &level info\nlog-format: *level\n',
      /: Alias resolution is disabled; write each value in full/,
    ],
    ['- socket\n', /:1: the file is not a list of keys and values; /],
    ['log-level: no\n', /:1: log-level is "no"; it must be debug, info, warn or error$/],
    [`socket: /${'x'.repeat(70_000)}\n`, /: cannot read the file: it is larger than 65536 bytes; /],
    ['metrics-listen: 127.0.0.1\n', /:1: metrics-listen is "127.0.0.1"; it must be HOST:PORT/],
    ['\nmetrics-listen: x:99999\n', /:2: metrics-listen "x:99999" is not HOST:PORT; write for example/],
    ['\nlisten: x:99999\n', /:2: listen "x:99999" is not HOST:PORT; write for example/],
    [
      'reconcile-interval: 2d\n',
      /:1: reconcile-interval 2d is not a time from 1s to 1d; give a time as in 5m/,
    ],
    [
      `plugin: /${'x'.repeat(200)}\n`,
      /:1: the path of the socket has 201 bytes, .*; set --plugin to a shorter path/,
    ],
    ['backend: zfs=/srv\n', /:1: backend "zfs=\/srv" is not a backend; use local=DIR/],
    ['backend: loop=/srv,fs=ntfs\n', /:1: backend: loop has no option "fs=ntfs"; use fs=ext4/],
    ['backend: local=/srv,size=10G\n', /:1: backend: local has no option "size=10G"; use local=DIR, or/],
    ['backend: loop=/srv,fs=xfs,fs=ext4\n', /:1: backend: the option fs is given twice; give each/],
    ['backend: ebs,size=1M\n', /:1: backend: ebs has no option "size=1M"; use ebs/],
    ['backend: nfs=host:/srv,vers=3\n', /:1: backend: nfs has no option "vers=3"; use vers=4\.2/],
    [
      '\nsnapshot-schedule: 0 * * * *; 61 * * * *\n',
      /:2: snapshot-schedule has the invalid value "61 \* \* \* \*"; use a cron/,
    ],
    ['snapshot-volumes: a/b\n', /:1: snapshot-volumes has the invalid value "a\/b"; use volume names/],
    ['snapshot-keep: hourly=0\n', /:1: snapshot-keep has the invalid value "hourly=0"; use each of/],
    ['off-host: s3=UPPER\n', /:1: off-host: "s3=UPPER" is not a bucket; write s3=BUCKET/],
    [
      'runtime: docker\n---\nruntime: podman\n',
      /: the file has more than one YAML document; remove the line/,
    ],
  ];
  for (const [text, sentence] of faults) {
    const file = written(t, text);
    const { code, stdout, stderr } = await serveWith(file);
    t.match({ code, stdout }, { code: 78, stdout: '' }, stderr);
    t.ok(stderr.startsWith(`castle: ${file}:`), 'the message names the file');
    t.match(stderr.trimEnd(), sentence);
    t.equal(stderr.trimEnd().split('\n').length, 1);
  }
  t.match(await serveWith('/nowhere/castle.yaml'), { code: 78, stderr: /ENOENT.*; correct --config/ });
  t.match(await serveWith('/dev/zero'), { code: 78, stderr: /it is not a regular file/ });
});

t.test('a wrong value on the command line is refused before anything is opened', async (t) => {
  const folder = temporaryFolder(t, 'refused');
  const tls = { file: '/nowhere/tls.crt', keyFile: '/nowhere/tls.key' };
  const refusals: [readonly string[], string][] = [
    [['--metrics-listen', 'x:99999'], '--metrics-listen "x:99999" is not HOST:PORT; '],
    [['--listen', '127.0.0.1:0'], 'TLS needs --listen, --tls-cert and --tls-key; '],
    [['--listen', '127.0.0.1:0', '--tls-cert', tls.file], 'TLS needs --listen, --tls-cert and --tls-key; '],
    [['--listen', 'x', '--tls-cert', tls.file, '--tls-key', tls.keyFile], '--listen "x" is not HOST:PORT; '],
    [['--snapshot-keep', 'hourly=0'], '--snapshot-keep has the invalid value "hourly=0"; use each of '],
    [['--snapshot-volumes', 'a/b'], '--snapshot-volumes has the invalid value "a/b"; '],
    [['--snapshot-schedule', 'x'], '--snapshot-schedule has the invalid value "x"; use a cron expression ('],
    [['--off-host', 's3=UPPER'], '--off-host: "s3=UPPER" is not a bucket; '],
    [['--state', ''], '--state is empty; give a path, or omit the option'],
    [['--config', ''], '--config is empty; give a path, or omit the option'],
    [['--config', ' '], '--config is empty; give a path, or omit the option'],
  ];
  for (const command of ['serve', 'doctor']) {
    for (const [options, sentence] of refusals) {
      const args = ['dist/castle.js', command, '--runtime', 'process'];
      for (const option of ['socket', 'state']) args.push(`--${option}`, join(folder, option));
      const ended = await run(process.execPath, [
        ...args,
        '--backend',
        `local=${folder}/volumes`,
        ...options,
      ]);
      t.match(ended, { code: 64, stdout: '' }, `${command} ${options.join(' ')}`);
      t.ok(ended.stderr.startsWith(`castle: ${sentence}`), ended.stderr);
    }
  }
  t.same(readdirSync(folder), []);
});

t.test('a wrong combination of keys in the file is an error of the file', async (t) => {
  t.match(await serveWith(written(t, 'socket: /nowhere/a\nplugin: /nowhere/a\n')), {
    code: 78,
    stdout: '',
    stderr: 'castle: --socket and --plugin are the same socket, /nowhere/a; ',
  });
  t.match(await serveWith(written(t, 'listen: 127.0.0.1:0\n')), {
    code: 78,
    stdout: '',
    stderr: 'castle: TLS needs --listen, --tls-cert and --tls-key; ',
  });
});

t.test('a file that other users can write is refused', async (t) => {
  const file = written(t, 'runtime: process\n');
  for (const mode of [0o666, 0o620]) {
    chmodSync(file, mode);
    t.match(await serveWith(file), {
      code: 78,
      stderr: `${file}: other users can write to it; run: chown root ${file}`,
    });
  }
});

if (requires(t, root, program('openssl'))) {
  t.test('the example is valid as it is, and with all its commented-out lines', async (t) => {
    const folder = temporaryFolder(t, 'tls');
    const { file, keyFile } = makeCertificate(folder, 'castle', ['IP:127.0.0.1']);
    const everything = example
      .replaceAll(/^#(?=\S)/gm, '')
      .replace(':9464', ':0')
      .replace(':8443', ':0')
      .replace('/etc/castle/tls.crt', file)
      .replace('/etc/castle/tls.key', keyFile)
      .replace('/etc/castle/clients.crt', file);
    for (const text of [example, everything]) {
      const castle = await CastleOnHost.start(t, 'process', { options: ['--config', written(t, text)] });
      t.match(await castle.ask('status'), { runtime: 'process', backend: `local folder ${castle.backend}` });
      t.equal(await castle.end('SIGTERM'), 0);
    }
  });

  t.test('the file overrides defaults, and the command line overrides the file', async (t) => {
    const file = written(t, 'log-level: error\nlog-format: text\n');
    const quiet = await CastleOnHost.start(t, 'process', { options: ['--config', file] });
    t.equal(quiet.output, '', 'the castle runs, and its log level hides all events');
    const options = ['--config', file, '--log-level', 'info'];
    const loud = await CastleOnHost.start(t, 'process', { options });
    t.match(
      loud.output,
      /^\d\d:\d\d:\d\d castle\.serving /m,
      'the level of the command line, the format of the file',
    );
  });
}
