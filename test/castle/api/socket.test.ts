/** The castle's unix socket: its mode, its path, which existing files it replaces, and the connections that it accepts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { compile } from '../../kit/compile.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

if (requires(t, root)) {
  /** Tries to start a castle that must refuse to start. */
  const serve = (folder: string, socket: string, ...options: readonly string[]) =>
    run(process.execPath, [
      ...['dist/castle.js', 'serve', '--socket', socket, '--state', join(folder, 'state')],
      ...['--backend', `local=${folder}/volumes`, '--runtime', 'process'],
      ...options,
    ]);

  t.test('every user can connect as soon as the socket exists', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const { mode, ctimeNs, birthtimeNs } = statSync(castle.socket, { bigint: true });
    t.equal(Number(mode) & 0o777, 0o666);
    t.equal(
      ctimeNs,
      birthtimeNs,
      'the mode is not changed later by path, which could then name another file',
    );
    t.equal(
      statSync(join(castle.state, 'castle.lmdb')).mode & 0o022,
      0,
      'the modes of other files are unchanged',
    );
  });

  t.test('a container reaches the socket in a folder that it cannot write to', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    await container.run('mount', '--bind', '--options', 'ro', castle.socketFolder, castle.socketFolder);
    await t.rejects(container.write(join(castle.socketFolder, 'file'), ''), /EROFS/);
    t.equal((await container.lease('main')).status, 201);
  });

  t.test('a wrong request is refused with what is wrong', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    for (const [body, message] of [
      [{ volume: 'a', target: '/a', size: 1 }, 'the request is wrong: body has unknown fields: "size"'],
      [{ volume: 'a' }, 'the request is wrong: body must have required properties target'],
      [{ volume: 'a', target: 5 }, 'the request is wrong: body/target must be string'],
      [[], 'the request is wrong: body must be object'],
    ] as const) {
      const { status, text } = await castle.call('POST', '/v1/leases', body);
      t.match({ status, ...JSON.parse(text) }, { status: 400, error: { code: 'bad_request', message } });
    }
  });

  t.test('a socket that another process holds is not replaced', async (t) => {
    const [holder] = compile(t, 'test/castle/api/hold-socket.c');
    const folder = temporaryFolder(t, 'held');
    for (const [kind, code, why] of [
      ['dgram', 73, 'EPROTOTYPE'],
      ['full', 75, 'EAGAIN'],
    ] as const) {
      const socket = join(folder, kind);
      const holding = spawn(holder as string, [kind, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
      t.teardown(() => holding.kill());
      await once(holding.stdout, 'data');
      const before = statSync(socket).ino;
      t.match(await serve(folder, socket), {
        code,
        stderr: `castle: ${socket} is the socket of another program (${why}); stop it first`,
      });
      t.equal(statSync(socket).ino, before);
      holding.stdin.end();
      await once(holding, 'exit');
    }
  });

  t.test('a path that cannot be a socket is refused, and no file is created', async (t) => {
    const folder = temporaryFolder(t, 'long');
    const longest = join(folder, 'x'.repeat(107 - folder.length - 1));
    t.match(await serve(folder, `${longest}y`), {
      code: 78,
      stderr:
        /^castle: the path of the socket has 108 bytes, and Linux allows 107: .*; set --socket to a shorter path\n$/,
    });
    t.match(await serve(folder, ''), { code: 64, stderr: /^castle: --socket is empty; / });
    t.same(readdirSync(folder), []);
  });

  t.test('a path that is a number is a path, not a TCP port', async (t) => {
    const folder = temporaryFolder(t, 'number');
    const bundle = resolve('dist/castle.js');
    const castle = spawn(
      process.execPath,
      [
        ...[bundle, 'serve', '--plugin', '39124', '--state', join(folder, 'state')],
        ...['--backend', `local=${folder}/volumes`, '--runtime', 'process'],
      ],
      { cwd: folder, env: { ...process.env, CASTLE_SOCKET: '39123' }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    t.teardown(() => castle.kill('SIGKILL'));
    let log = '';
    castle.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await until('the castle serves', () => log.includes('castle.serving') || undefined);
    t.match(log, `serving on ${join(folder, '39123')},`);
    for (const name of ['39123', '39124']) t.ok(statSync(join(folder, name)).isSocket(), name);
    castle.kill('SIGTERM');
    t.same(await once(castle, 'exit'), [0, null]);
  });

  t.test('one path for both sockets is refused before anything is opened', async (t) => {
    const folder = temporaryFolder(t, 'same');
    symlinkSync(folder, join(folder, 'link'));
    const socket = join(folder, 'castle.sock');
    for (const plugin of [socket, join(folder, 'run/../castle.sock'), join(folder, 'link/castle.sock')]) {
      t.match(await serve(folder, socket, '--plugin', plugin), {
        code: 64,
        stderr: `castle: --socket and --plugin are the same socket, ${socket}; give each its own path\n`,
      });
    }
    t.same(readdirSync(folder), ['link']);
  });

  t.test('a start that fails leaves no socket behind', async (t) => {
    const folder = temporaryFolder(t, 'failed');
    const plugin = join(folder, 'plugins/castle.sock');
    // No process can create a file in /proc; the castle listens there after the volume driver.
    t.match(await serve(folder, '/proc/castle.sock', '--plugin', plugin), {
      code: /^73|77$/,
      stderr: 'the castle cannot listen on /proc/castle.sock: ',
    });
    t.same(readdirSync(join(folder, 'plugins')), []);
  });

  t.test('a connection that sends nothing does not delay the stop of the castle', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    t.equal(await container.connect(3), 3);
    t.equal(await castle.end('SIGTERM'), 0);
  });

  t.test(
    'one container cannot use up all connections, and connections that send nothing are closed',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const [greedy, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      t.equal(await greedy.connect(200), 128, 'connections above the limit are closed immediately');
      t.equal((await other.lease('main')).status, 201);
      t.match(await greedy.untilClosed(), Array(128).fill(/^HTTP\/1\.1 408 .*"code":"bad_request"/s));
      t.equal((await greedy.lease('mine')).status, 201);
    },
  );
  t.test('with --json a command prints the answer of the API unchanged', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    for (const what of ['volumes', 'leases', 'status']) {
      const args = ['dist/castle.js', what, '--socket', castle.socket, '--json'];
      const { code, stdout } = await run(process.execPath, args);
      t.equal(code, 0);
      const { text } = await castle.get(`/v1/${what}`);
      // The uptime differs from one request to the next.
      const isStable = ([name]: readonly [string, unknown]) => !/^(uptime|.*Seconds|.*Ms)/.test(name);
      const stable = (json: string) => Object.entries(JSON.parse(json) as object).filter(isStable);
      t.same(stable(stdout), stable(text), what);
    }
  });
}
