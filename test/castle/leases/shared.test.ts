/** Several leases on one volume: readers and one writer, and several writers of a shared volume; for folders and images. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../../kit/docker.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { fsck, imageOf, loopDevices, loopsOf, untilNoLoops } from '../backends/loop/loop-host.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

const reader = { labels: { 'castle.readonly': 'true' } };
const sharer = { labels: { 'castle.shared': 'true' } };
const inUse = { status: 409, body: { error: { code: 'volume_in_use' } } };

const castleVolume = (castle: CastleOnHost, ...args: readonly string[]) =>
  run(process.execPath, ['dist/castle.js', 'volume', ...args, '--socket', castle.socket]);

/** The loop devices of a castle's images; none where volumes are folders. */
const devices = (castle: CastleOnHost) => loopsOf(castle.backend).length;

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('mkfs.xfs'))) {
  const kinds = [
    ['local', undefined],
    ['ext4', 'size=16M'],
    ['xfs', 'fs=xfs,size=300M'],
  ] as const;
  for (const [kind, loop] of kinds) {
    const start = (t: Test) => CastleOnHost.start(t, 'process', loop === undefined ? {} : { loop });
    const oneDevice = loop === undefined ? 0 : 1;

    t.test(
      `${kind}: any number of readers and one writer can use a volume, in any order of begin and end`,
      async (t) => {
        const castle = await start(t);
        const [writer, second] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
        const [early, late] = [
          await TestContainer.start(t, castle, reader),
          await TestContainer.start(t, castle, reader),
        ];
        t.match(
          await early.lease('main'),
          { status: 201, body: { readonly: true } },
          'the first reader has the first lease',
        );
        t.equal((await writer.lease('main')).status, 201);
        t.equal((await late.lease('main')).status, 201);
        t.equal(devices(castle), oneDevice, 'one loop device for three mounts');
        await writer.write(join(writer.home, 'data'), 'written by the first');
        for (const one of [early, late]) {
          t.equal(await one.read(join(one.home, 'data')), 'written by the first');
          await t.rejects(one.write(join(one.home, 'data'), 'x'), /EROFS/);
          t.match((await one.mounts(one.home))[0], / ro,nosuid,nodev/);
        }
        t.match(await second.lease('main'), inUse, 'a second writer is refused');
        const [volume] = await castle.ask('volumes');
        t.equal(volume?.leases.length, 3);
        const leases = (await castle.ask('leases')).map(({ readonly = false }) => readonly);
        t.same(leases.sort(), [false, true, true]);

        const { status, text } = await castle.call('DELETE', '/v1/volumes/main');
        t.equal(status, 409, `a volume in use is not deleted: ${text}`);
        await early.kill();
        t.equal(
          await late.read(join(late.home, 'data')),
          'written by the first',
          'the other reader keeps its mount when one ends',
        );
        const mine = (await castle.ask('leases')).find(({ readonly }) => readonly !== true);
        t.equal(
          (await writer.call('DELETE', `/v1/leases/${mine?.id}`)).status,
          204,
          'the writer releases its lease',
        );
        t.equal((await writer.mounts(writer.home)).length, 0);
        t.equal(
          (await second.lease('main')).status,
          201,
          'the next writer gets the volume when the first one has released it',
        );
        await second.write(join(second.home, 'data'), ', and later');
        t.equal(await late.read(join(late.home, 'data')), 'written by the first, and later');
        await second.kill();
        await late.kill();
        await castle.untilFree('main');
        await untilNoLoops(castle.backend);
        if (loop !== undefined) t.equal(fsck(imageOf(castle.backend, 'main')), 0);
      },
    );

    t.test(`${kind}: several containers with castle.shared can write to a shared volume`, async (t) => {
      const castle = await start(t);
      const [one, other] = [
        await TestContainer.start(t, castle, sharer),
        await TestContainer.start(t, castle, sharer),
      ];
      const exclusive = await TestContainer.start(t, castle);
      t.match(await one.lease('main'), { status: 201, body: { shared: true } });
      t.match(await other.lease('main'), { status: 201, body: { shared: true } });
      t.match(await castle.ask('volumes'), [{ name: 'main', shared: true }]);
      t.equal(devices(castle), oneDevice);
      await one.write(join(one.home, 'one'), '1');
      await other.write(join(other.home, 'other'), '2');
      t.equal(await one.read(join(one.home, 'other')), '2');
      t.equal(await other.read(join(other.home, 'one')), '1');
      const refused = await exclusive.lease('main');
      t.match(refused, inUse, 'a container without castle.shared relies on being the only writer');
      t.match(refused.body.error.remedy, /--label castle.shared=true/);

      await castle.end('SIGKILL');
      await castle.serve();
      t.equal((await castle.ask('leases')).length, 2, 'both leases are recovered after kill -9');
      for (const container of [one, other]) {
        t.equal((await container.lease('main')).status, 200);
        t.equal((await container.mounts(container.home)).length, 1);
      }
      t.match(await exclusive.lease('main'), inUse);

      await castle.end('SIGKILL');
      castle.loseState();
      await castle.serve();
      t.match(
        await exclusive.lease('main'),
        inUse,
        'after the state is lost, the existing mounts prevent a conflict',
      );
      for (const container of [one, other]) {
        t.equal(
          (await container.lease('main')).status,
          201,
          'each container gets a lease for the mount that it has',
        );
        t.equal((await container.mounts(container.home)).length, 1);
      }
      t.equal(devices(castle), oneDevice);
      await one.kill();
      await other.write(join(other.home, 'other'), '3');
      await other.kill();
      await castle.untilFree('main');
      t.equal((await exclusive.lease('main')).status, 201);
      const third = await TestContainer.start(t, castle, sharer);
      t.match(
        await third.lease('main'),
        inUse,
        'a shared lease is refused while a container without castle.shared writes',
      );
      t.equal(await exclusive.read(join(exclusive.home, 'other')), '23');
    });
  }

  t.test(
    'a castle that is killed together with one of two containers recovers the lease of the other',
    async (t) => {
      for (const loop of [undefined, 'size=16M']) {
        const castle = await CastleOnHost.start(t, 'process', loop === undefined ? {} : { loop });
        for (const first of [0, 1]) {
          const containers = [
            await TestContainer.start(t, castle, sharer),
            await TestContainer.start(t, castle, sharer),
          ];
          for (const container of containers) t.equal((await container.lease('main')).status, 201);
          await Promise.all([castle.end('SIGKILL'), containers[first]?.kill()]);
          await castle.serve();
          const left = containers[1 - first];
          t.equal((await castle.ask('leases')).length, 1);
          await left?.write(join(left.home, `left-${first}`), 'kept');
          t.equal((await left?.lease('main'))?.status, 200);
          await Promise.all([castle.end('SIGKILL'), left?.kill()]);
          await castle.serve();
          t.same(await castle.ask('leases'), []);
          await untilNoLoops(castle.backend);
        }
        const last = await TestContainer.start(t, castle);
        t.equal((await last.lease('main')).status, 201);
        for (const first of [0, 1]) t.equal(await last.read(join(last.home, `left-${first}`)), 'kept');
      }
    },
  );

  t.test('only a new volume can become shared', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [one, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle, sharer)];
    t.equal((await one.lease('plain')).status, 201);
    t.match(
      await other.lease('plain'),
      inUse,
      'the label castle.shared does not make an existing volume shared',
    );
    const refused = await castleVolume(castle, 'create', 'plain', '--shared');
    t.match(refused, { code: 64, stderr: /plain already exists and is not shared/ });
    const body = { volume: 'new', target: one.home, shared: true };
    t.match(await one.call('POST', '/v1/leases', body), { status: 400 }, 'a request cannot make it shared');
    t.match(await castleVolume(castle, 'create', 'cache', '--shared'), { code: 0 });
    t.match(await castleVolume(castle, 'create', 'cache'), { code: 0, stdout: /exists already/ });
    const listed = await run(process.execPath, ['dist/castle.js', 'volumes', '--socket', castle.socket]);
    t.match(listed.stdout, /\ncache +local +ready +- +yes /);
    const { id } = (await other.lease('cache')).body;
    t.match(
      await castleVolume(castle, 'delete', 'cache'),
      { code: 75, stderr: /; stop that container first\n$/ },
      'the remedy for a delete does not mention castle.shared',
    );
    t.equal((await other.call('DELETE', `/v1/leases/${id}`)).status, 204);
    t.match(await castleVolume(castle, 'delete', 'cache'), { code: 0 });
    t.match(await castleVolume(castle, 'restore', 'cache'), { code: 0 });
    t.match(
      (await castle.ask('volumes')).find(({ name }) => name === 'cache'),
      { shared: true },
      'a restored volume is still shared',
    );
    const [wrong] = [await TestContainer.start(t, castle, { labels: { 'castle.shared': 'yes' } })];
    t.match(await wrong.lease('cache'), {
      status: 403,
      body: { error: { message: /label castle.shared="yes"/ } },
    });
    t.same(
      readdirSync(castle.backend)
        .filter((name) => !name.startsWith('.'))
        .sort(),
      ['cache', 'plain'],
    );
  });

  t.test('a writer is refused while a read-only container has remounted its volume writable', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [remounter, writer] = [
      await TestContainer.start(t, castle, reader),
      await TestContainer.start(t, castle),
    ];
    t.equal((await remounter.lease('main')).status, 201);
    await remounter.run('mount', '-o', 'remount,bind,rw', remounter.home);
    t.match(await writer.lease('main'), inUse, 'the mount table decides, not the lease');
    await remounter.run('mount', '-o', 'remount,bind,ro', remounter.home);
    t.equal((await writer.lease('main')).status, 201);
  });

  t.test('a nested mount namespace of one container blocks only the release of its own lease', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [one, other] = [
      await TestContainer.start(t, castle, sharer),
      await TestContainer.start(t, castle, sharer),
    ];
    const leases = [(await one.lease('main')).body.id, (await other.lease('main')).body.id];
    const copied = '[ "$(readlink /proc/$!/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]';
    await one.run('sh', '-c', `unshare --mount sleep 1000 >/dev/null 2>&1 & until ${copied}; do :; done`);
    t.match(await one.call('DELETE', `/v1/leases/${leases[0]}`), {
      status: 409,
      body: { error: { code: 'busy', message: /another mount namespace/ } },
    });
    t.equal((await other.call('DELETE', `/v1/leases/${leases[1]}`)).status, 204);
    t.equal((await other.mounts(other.home)).length, 0);
  });

  t.test('a volume with several mounts grows for all of them, unless all are read-only', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { loop: 'fs=xfs,size=300M' });
    const [reads, writes] = [
      await TestContainer.start(t, castle, reader),
      await TestContainer.start(t, castle),
    ];
    t.equal((await reads.lease('main')).status, 201);
    t.match(await castleVolume(castle, 'grow', 'main', '320M'), {
      code: 75,
      stderr: /mounted only read-only/,
    });
    t.equal((await writes.lease('main')).status, 201);
    t.match(await castleVolume(castle, 'grow', 'main', '320M'), { code: 0 });
    for (const container of [reads, writes]) {
      const { stdout } = await container.run('stat', '-f', '-c', '%b %S', container.home);
      const [blocks = 0, bytes = 0] = stdout.trim().split(' ').map(Number);
      t.ok(blocks * bytes > 240 * 2 ** 20, stdout);
    }
  });
}
