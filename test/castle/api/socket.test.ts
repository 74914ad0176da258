/** The castle's socket: its mode, its path, whose it may be, and the connections that come to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { compile } from '../../kit/compile.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

if (requires(t, root)) {
  /** Tries to start a castle that must not start. */
  const serve = (folder: string, socket: string) =>
    run(process.execPath, [
      ...['dist/castle.js', 'serve', '--socket', socket, '--state', join(folder, 'state')],
      ...['--backend', `local=${folder}/volumes`, '--runtime', 'process'],
    ]);

  t.test('anybody may connect from the moment that the socket is there', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const { mode, ctimeNs, birthtimeNs } = statSync(castle.socket, { bigint: true });
    t.equal(Number(mode) & 0o777, 0o666);
    t.equal(ctimeNs, birthtimeNs, 'nothing was changed afterwards, by a path that may lead elsewhere then');
    t.equal(statSync(join(castle.state, 'castle.lmdb')).mode & 0o022, 0, 'other files are as they were');
  });

  t.test('a container reaches the socket in a folder that it cannot write to', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    await container.run('mount', '--bind', '--options', 'ro', castle.socketFolder, castle.socketFolder);
    await t.rejects(container.write(join(castle.socketFolder, 'file'), ''), /EROFS/);
    t.equal((await container.lease('main')).status, 201);
  });

  t.test('a socket that somebody holds is left to him', async (t) => {
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

  t.test('a path that cannot be a socket is refused, and nothing is made', async (t) => {
    const folder = temporaryFolder(t, 'long');
    const longest = join(folder, 'x'.repeat(107 - folder.length - 1));
    t.match(await serve(folder, `${longest}y`), {
      code: 78,
      stderr:
        /^castle: the path of the socket has 108 bytes, and Linux allows 107: .*; give a shorter --socket\n$/,
    });
    t.match(await serve(folder, ''), { code: 64, stderr: /^castle: --socket is empty; / });
    t.same(readdirSync(folder), []);
  });

  t.test('a connection that says nothing does not keep the castle from stopping', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    t.equal(await container.connect(3), 3);
    t.equal(await castle.end('SIGTERM'), 0);
  });

  t.test('one container cannot take all connections, nor keep silent ones', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [greedy, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    t.equal(await greedy.connect(200), 128, 'the others were closed at once');
    t.equal((await other.lease('main')).status, 201);
    t.match(await greedy.untilClosed(), Array(128).fill(/^HTTP\/1\.1 408 .*"code":"bad_request"/s));
    t.equal((await greedy.lease('mine')).status, 201);
  });
  t.test('the command line prints with --json what the API answers', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    for (const what of ['volumes', 'leases', 'status']) {
      const args = ['dist/castle.js', what, '--socket', castle.socket, '--json'];
      const { code, stdout } = await run(process.execPath, args);
      t.equal(code, 0);
      const { text } = await castle.get(`/v1/${what}`);
      // How long it has been running differs from one request to the next.
      const isStable = ([name]: readonly [string, unknown]) => !/^(uptime|.*Seconds|.*Ms)/.test(name);
      const stable = (json: string) => Object.entries(JSON.parse(json) as object).filter(isStable);
      t.same(stable(stdout), stable(text), what);
    }
  });
}
