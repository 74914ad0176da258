/** Restarts of a castle: after a kill or a stop, with a second castle, with a lost state, and with a full store. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

const castle = (...args: readonly string[]) => run(process.execPath, ['dist/castle.js', ...args]);

if (requires(t, root)) {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    t.test(`after ${signal} the next castle recovers the leases of running containers`, async (t) => {
      const host = await CastleOnHost.start(t, 'process');
      const [stays, goes, next] = [
        await TestContainer.start(t, host),
        await TestContainer.start(t, host),
        await TestContainer.start(t, host),
      ];
      const { id } = (await stays.lease('stays')).body;
      await goes.lease('goes');
      t.equal(await host.end(signal), signal === 'SIGTERM' ? 0 : undefined);
      t.equal(existsSync(host.socket), signal === 'SIGKILL', 'a clean stop removes the socket');
      await stays.write(join(stays.home, 'data'), 'written while the castle was away');
      await goes.kill();
      await host.serve();
      t.match(
        await host.ask('leases'),
        [{ id, volume: 'stays', state: 'mounted' }],
        'the lease of the running container is kept, the other one has ended',
      );
      t.match(await stays.lease('stays'), { status: 200, body: { id } });
      t.match(await next.lease('stays'), { status: 409 });
      t.equal((await next.lease('goes')).status, 201);
      await stays.kill();
      await host.untilFree('stays');
    });
  }

  t.test('a castle that is killed repeatedly while it serves never mounts a volume twice', async (t) => {
    const host = await CastleOnHost.start(t, 'process', { options: ['--log-level', 'debug'] });
    const containers = [await TestContainer.start(t, host), await TestContainer.start(t, host)] as const;
    // The castle is killed as soon as the requests have been sent, or as soon as the log has one of these events.
    const moments = [undefined, 'lease.requested', 'mount.created', 'lease.granted', 'lease.refused'];
    for (const [round, moment] of [...moments, ...moments].entries()) {
      const count = moment === undefined ? 0 : host.eventsNamed(moment).length;
      const asking = Promise.all(containers.map((container) => container.lease('main')));
      if (moment !== undefined) {
        await until(moment, () => host.eventsNamed(moment).length > count || undefined, undefined, 1);
      }
      await host.end('SIGKILL');
      await asking;
      await host.serve();
      const answers = [];
      for (const container of containers) answers.push((await container.lease('main')).status);
      t.same(answers.filter((status) => status === 409).length, 1, `round ${round}: ${answers}`);
      const mounts = await Promise.all(
        containers.map(async (container) => (await container.mounts(container.home)).length),
      );
      t.same([...mounts].sort(), [0, 1], 'one container has the volume, mounted once');
      const holder = containers[mounts.indexOf(1)];
      const lease = await host.leaseOf('main');
      t.equal((await holder?.call('DELETE', `/v1/leases/${lease?.id}`))?.status, 204);
    }
  });

  t.test('a lost state does not lead to a second mount', async (t) => {
    const host = await CastleOnHost.start(t, 'process');
    const [first, second] = [await TestContainer.start(t, host), await TestContainer.start(t, host)];
    await first.lease('main');
    await first.write(join(first.home, 'data'), 'kept');
    await host.end('SIGKILL');
    rmSync(host.state, { recursive: true });
    await host.serve();
    t.match(await second.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
    t.equal(
      (await first.lease('main')).status,
      201,
      'the container that uses the volume gets its lease again',
    );
    t.equal((await first.mounts(first.home)).length, 1, 'the existing mount is kept');
    await first.kill();
    await host.untilFree('main');
    t.equal((await second.lease('main')).status, 201);
    t.equal(await second.read(join(second.home, 'data')), 'kept');
  });

  t.test('leftovers of an interrupted creation are removed at the next start', async (t) => {
    const host = await CastleOnHost.start(t, 'process');
    await host.end('SIGKILL');
    mkdirSync(join(host.backend, '.creating-abc123'));
    await host.serve();
    t.same(readdirSync(host.backend), []);
  });

  t.test('a second castle on the same socket or the same state is refused', async (t) => {
    const host = await CastleOnHost.start(t, 'process');
    const folder = temporaryFolder(t, 'second');
    const serve = (socket: string, state: string) =>
      castle(
        ...['serve', '--socket', socket, '--state', state],
        ...['--backend', `local=${folder}/volumes`, '--runtime', 'process'],
      );
    const onSocket = await serve(host.socket, join(folder, 'state'));
    t.match(onSocket, { code: 75, stderr: /^castle: another castle answers on .*; stop it first/ });
    const onState = await serve(join(folder, 'castle.sock'), host.state);
    t.match(onState, { code: 75, stderr: /is used by another castle, pid \d+; stop that castle first/ });
    writeFileSync(join(folder, 'file'), '');
    const onFile = await serve(join(folder, 'file'), join(folder, 'state'));
    t.match(onFile, { code: 73, stderr: /exists and is not a socket/ });
    t.ok(statSync(join(folder, 'file')).isFile());
    const inFile = await serve(join(folder, 'castle.sock'), join(folder, 'file/state'));
    t.match(inFile, { code: 73, stderr: /^castle: the state folder .* cannot be used: .*\n$/ });
    t.match(
      await host.ask('status'),
      { runtime: 'process', volumes: 0, leases: 0 },
      'the first castle is unaffected',
    );
  });

  t.test(
    'with a full store requests are refused with the reason, and granted again when there is room',
    async (t) => {
      const folder = temporaryFolder(t, 'full');
      const volumes = join(folder, 'volumes');
      mkdirSync(volumes);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=3', 'tmpfs', volumes]);
      if (mounted.status !== 0) throw new Error(String(mounted.stderr));
      t.teardown(() => spawnSync('umount', [volumes]));
      const host = await CastleOnHost.start(t, 'process', { backend: volumes });
      const container = await TestContainer.start(t, host);
      const [other, third] = ['other', 'third'].map((name) => join(container.home, name)) as [string, string];
      mkdirSync(other);
      mkdirSync(third);
      t.equal((await container.lease('one', other)).status, 201);
      t.equal((await container.lease('two', third)).status, 201);
      const refused = await container.lease('three');
      t.match(refused, { status: 503, body: { error: { code: 'backend_failed', message: /ENOSPC/ } } });
      t.same(readdirSync(volumes).sort(), ['one', 'two'], 'no incomplete volume is left');
      t.same(
        (await host.ask('volumes')).map(({ name }) => name),
        ['one', 'two'],
      );
      spawnSync('mount', ['-o', 'remount,nr_inodes=10', volumes]);
      await until('there is room', async () => (await container.lease('three')).status === 201 || undefined);
      await container.kill();
      for (const volume of ['one', 'two', 'three']) await host.untilFree(volume);
      await host.end('SIGTERM');
    },
  );

  t.test('commands print the state as text, and as JSON with --json', async (t) => {
    const host = await CastleOnHost.start(t, 'process');
    const at = ['--socket', host.socket];
    t.match(await castle('volumes', ...at), { code: 0, stdout: 'no volumes\n' });
    t.match(await castle('leases', ...at), { code: 0, stdout: 'no leases\n' });
    const container = await TestContainer.start(t, host);
    await container.lease('main');
    t.match((await castle('volumes', ...at)).stdout, /^VOLUME +BACKEND +STATE .*\nmain +local +ready /);
    t.match((await castle('leases', ...at)).stdout, /^VOLUME +CONTAINER .*\nmain +process-\d+ .* mounted /);
    t.match(
      (await castle('status', ...at)).stdout,
      /^castle \d.*, pid \d+, .*\nruntime process, .*\n1 volume, 1 lease\n$/,
    );
    t.match(await castle('status', '--socket', '/nowhere/castle.sock'), {
      code: 69,
      stderr:
        /^castle: cannot connect to the castle at \/nowhere\/castle.sock: the socket does not exist; start it/,
    });
    for (const wrong of [
      [],
      ['frobnicate'],
      ['status', '--frobnicate'],
      ['serve', '--backend', 'nfs=x'],
      ['serve', '--runtime', 'x'],
    ]) {
      const { code, stdout, stderr } = await castle(...wrong);
      t.match(
        { code, stdout, lines: stderr.trimEnd().split('\n').length },
        { code: 64, stdout: '', lines: 1 },
        stderr,
      );
    }
    t.match(await castle('--version'), { code: 0, stdout: /^castle \d+\.\d+\.\d+\n$/ });
    t.match(await castle('serve', '--help'), { code: 0, stdout: /--backend/ });
    t.match((await castle('volume', 'create', '--help')).stdout, /\(default:\s+1000:1000\)/);
  });

  t.test('a list may be longer than the limit for responses to containers', async (t) => {
    const host = await CastleOnHost.start(t, 'process');
    await host.end('SIGTERM');
    const folder = join(host.backend, '.snapshots');
    mkdirSync(folder);
    // The number of snapshots after a lost state, of 100 volumes that each keep the default of 47.
    const count = 100 * 47;
    const volume = 'v'.repeat(128);
    for (let n = 0; n < count; n++) mkdirSync(join(folder, `${volume}@${randomUUID()}@20260101T000000000Z`));
    await host.serve();
    t.ok(
      (await host.get('/v1/snapshots')).text.length > 2 ** 20,
      'the list is longer than the limit for responses to containers',
    );
    const { code, stdout } = await castle('snapshots', '--json', '--socket', host.socket);
    t.equal(code, 0);
    t.equal((JSON.parse(stdout) as unknown[]).length, count);
    const first = spawnSync(
      'sh',
      [
        '-c',
        '"$@" | head -n 1',
        'sh',
        process.execPath,
        'dist/castle.js',
        'snapshots',
        '--socket',
        host.socket,
      ],
      { encoding: 'utf8' },
    );
    t.match(first, { stdout: /^VOLUME .*\n$/, stderr: '' });
  });

  t.test('a command without a response reports that its effect is unknown', async (t) => {
    const socket = join(temporaryFolder(t, 'mute'), 'castle.sock');
    const mute = createServer((connection) => connection.once('data', () => connection.destroy()));
    t.teardown(() => mute.close());
    await once(mute.listen(socket), 'listening');
    t.match(await castle('volume', 'delete', 'main', '--socket', socket), {
      code: 69,
      stderr: /^castle: no response from .*: socket hang up; the request may have been carried out/,
    });
  });
}
