/**
 * `castle serve --config`: the valid content of the file, the messages about errors in it, and which setting takes
 * precedence.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
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

t.test('the path of a client is relative to the working directory, also when it is a number', async (t) => {
  const ended = await run(process.execPath, ['dist/castle.js', 'status', '--socket', '39123']);
  t.match(ended, { code: 69, stderr: ` ${join(process.cwd(), '39123')}: the socket does not exist` });
});

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
