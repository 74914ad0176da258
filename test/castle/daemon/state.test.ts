/** The castle's folders: each belongs to one castle; full disks; damaged stores. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';

if (requires(t, root)) {
  /** Tries to start a castle that must refuse to start. */
  const serve = (socket: string, state: string, volumes: string) =>
    run(process.execPath, [
      ...['dist/castle.js', 'serve', '--socket', socket, '--state', state],
      ...['--backend', `local=${volumes}`, '--runtime', 'process'],
    ]);

  t.test('a folder of volumes belongs to one castle, whatever path names it', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const folder = temporaryFolder(t, 'second');
    mkdirSync(join(castle.backend, '.creating-now'));
    const otherPath = join(folder, 'bound');
    mkdirSync(otherPath);
    mounted(t, otherPath, '--bind', castle.backend);
    for (const volumes of [castle.backend, otherPath]) {
      const { pid } = await castle.ask('status');
      t.match(await serve(join(folder, 'castle.sock'), join(folder, 'state'), volumes), {
        code: 75,
        stderr: `castle: the folder of volumes ${volumes} is used by another castle, pid ${pid}; stop that castle first\n`,
      });
    }
    t.ok(
      statSync(join(castle.backend, '.creating-now')),
      'files that the first castle is creating are not removed',
    );
    await castle.end('SIGKILL');
    await castle.serve();
    t.pass('kill -9 leaves no lock');
  });

  t.test(
    'the state and socket folders cannot be inside the folder of volumes, where a container could mount them',
    async (t) => {
      const folder = temporaryFolder(t, 'apart');
      const [volumes, bound, linked] = ['volumes', 'bound', 'linked'].map((name) => join(folder, name));
      for (const made of [volumes, bound]) mkdirSync(`${made}`);
      symlinkSync(`${volumes}`, `${linked}`);
      mounted(t, `${bound}`, '--bind', `${volumes}`);
      const [socket, state] = [join(folder, 'run/castle.sock'), join(folder, 'state')];
      for (const path of [`${volumes}`, `${volumes}/state`, `${bound}/a/state`, `${linked}/state`]) {
        t.match(await serve(socket, path, `${volumes}`), {
          code: 78,
          stderr: /^castle: --state is inside the folder of the volumes, .*\/volumes: a container could get /,
        });
      }
      t.match(await serve(`${linked}/run/castle.sock`, state, `${volumes}`), {
        code: 78,
        stderr: /--socket is in/,
      });
      t.same(readdirSync(`${volumes}`), [], 'nothing was created');
      const castle = await CastleOnHost.start(t, 'process', { state, backend: join(state, 'volumes') });
      t.ok(await castle.ask('status'), 'the folder of volumes can be inside the state folder');
    },
  );

  t.test(
    'a castle whose state has no room refuses requests, keeps running, and serves again when there is room',
    async (t) => {
      const state = temporaryFolder(t, 'state');
      mounted(t, state, '-t', 'tmpfs', '-o', 'size=512k', 'state');
      const castle = await CastleOnHost.start(t, 'process', { state });
      const [has, asks] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      const { id } = (await has.lease('has')).body;
      const filler = join(state, 'filler');
      const filled = spawnSync('sh', ['-c', `cat /dev/zero >${filler}`], { encoding: 'utf8' });
      t.match(filled.stderr, /No space left/);
      const targets = Array.from({ length: 50 }, (_, n) => join(asks.home, `m${n}`));
      for (const target of targets) mkdirSync(target);
      const answers = await asks.calls(
        targets.map((target, n) => ['POST', '/v1/leases', { volume: `v${n}`, target }] as const),
      );
      const refused = answers.filter(({ status }) => status !== 201);
      t.not(refused.length, 0, 'some requests fail because the disk is full');
      for (const answer of refused) {
        t.match(answer, {
          status: 503,
          body: { error: { code: 'backend_failed', message: `cannot write its state in ${state}` } },
        });
      }
      t.match(await castle.leaseOf('has'), { id, state: 'mounted' });
      rmSync(filler);
      t.equal((await asks.lease('later')).status, 201);
      t.equal((await has.call('DELETE', `/v1/leases/${id}`)).status, 204);
      const known = new Set((await castle.ask('volumes')).map(({ name }) => name));
      const folders = execFileSync('ls', [castle.backend], { encoding: 'utf8' }).trim().split('\n');
      t.same(
        folders.filter((name) => !known.has(name)),
        [],
        'no volume is left that the castle does not list',
      );
    },
  );

  t.test('a store that cannot be created on a full disk is not reported as damaged', async (t) => {
    const folder = temporaryFolder(t, 'no-room');
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    mounted(t, disk, '-t', 'tmpfs', '-o', 'size=512k', 'state');
    const state = join(disk, 'state');
    mkdirSync(state);
    const fill = () => spawnSync('sh', ['-c', `cat /dev/zero >${disk}/filler`]);
    fill();
    const [socket, volumes] = [join(folder, 'run/castle.sock'), join(folder, 'volumes')];
    const refused = {
      code: 73,
      stderr: /^castle: the disk of the state folder .* is full: 0 bytes .*; free at least \d+ bytes/,
    };
    t.match(await serve(socket, state, volumes), refused, 'no new store can be created');
    rmSync(join(disk, 'filler'));
    const castle = await CastleOnHost.start(t, 'process', { state });
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    await castle.end('SIGKILL');
    fill();
    await castle.serve();
    t.match(
      await castle.leaseOf('main'),
      { state: 'mounted' },
      'an existing store can be opened on a full disk',
    );
    await castle.end('SIGTERM');
    rmSync(join(state, 'castle.lmdb-lock'));
    fill();
    t.match(await serve(socket, state, volumes), refused, 'a store without its lock file cannot be opened');
    rmSync(join(disk, 'filler'));
    await castle.serve();
    t.match(await castle.leaseOf('main'), { state: 'mounted' });
  });

  t.test('a limit of the address space that has no room for the store is reported', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    t.equal(await castle.end('SIGHUP'), 0, 'a closed terminal stops a castle as SIGTERM does');
    const limit = join(temporaryFolder(t, 'limit'), 'limit.cjs');
    // A lower limit at the start would end Node itself.
    writeFileSync(
      limit,
      `const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const [, kib] = /^VmSize:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (Number(kib) + 512 * 1024) * 1024]);
`,
    );
    const { socket, state, backend } = castle;
    const places = ['--socket', socket, '--state', state, '--backend', `local=${backend}`];
    const program = ['--require', limit, 'dist/castle.js', 'serve', '--runtime', 'process'];
    t.match(await run(process.execPath, [...program, ...places]), {
      code: 78,
      stdout: '',
      stderr: /^castle: the castle cannot map its store: .*; remove the limit: ulimit -v unlimited, .*\n$/,
    });
  });

  t.test('a damaged store is reported with a remedy, and never treated as empty', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await castle.end('SIGTERM');
    const file = join(castle.state, 'castle.lmdb');
    const good = readFileSync(file);
    const broken: [string, () => void][] = [
      ['random bytes', () => writeFileSync(file, Buffer.from(good.map((_, n) => (n * 7919 + 13) % 251)))],
      ['100 bytes', () => truncateSync(file, 100)],
      // Its end is unused space.
      ['the first pages', () => truncateSync(file, 3 * 4096)],
      [
        'flipped bytes',
        () =>
          writeFileSync(
            file,
            good.map((byte, n) => (n < 8192 ? byte : byte ^ 0xff)),
          ),
      ],
    ];
    for (const [name, damage] of broken) {
      writeFileSync(file, good);
      damage();
      const { code, stderr } = await serve(castle.socket, castle.state, castle.backend);
      t.equal(code, 74, `${name}: ${stderr}`);
      t.match(stderr, /^castle: the castle's state .*castle\.lmdb is damaged: .*; move that file away/, name);
      t.equal(stderr.trimEnd().split('\n').length, 1, name);
    }
    rmSync(file);
    await castle.serve();
    t.match(await container.lease('main'), { status: 201 }, 'the lease is recovered from the mount');
    t.equal((await container.mounts(container.home)).length, 1);
    await castle.end('SIGTERM');
    writeFileSync(file, good);
    await castle.serve();
    t.match(await castle.leaseOf('main'), { state: 'mounted' }, 'an undamaged store is accepted');
  });
}
