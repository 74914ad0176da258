import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program, requires, root } from '../../../kit/needs.ts';
import { CastleOnHost } from '../../kit/castle-on-host.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { imageOf, loopDevices, loopsOf, untilNoLoops } from './loop-host.ts';

const sizes = { ext4: 16, xfs: 300 };

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('mkfs.xfs'))) {
  for (const type of ['ext4', 'xfs'] as const) {
    const loop = `fs=${type},size=${sizes[type]}M`;

    t.test(`${type}: a volume is its own file system, mounted only in the container`, async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop });
      const first = await TestContainer.start(t, castle);
      const given = await first.lease('main');
      t.match(given, { status: 201, body: { volume: 'main', state: 'mounted' } });
      const [mount = '', ...more] = await first.mounts(first.home);
      t.equal(more.length, 0);
      t.equal(Number(mount.split(' ')[0]), given.body.mountId, 'the mount id is that in the container');
      t.match(mount, new RegExp(` / ${first.home} rw,nosuid,nodev.* - ${type} /dev/loop`));
      t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), '@', 'the host has no such mount');
      t.equal(loopsOf(castle.backend).length, 1);
      await first.write(join(first.home, 'data'), 'kept');
      t.equal(
        await first.run('stat', '-c', '%u:%g %a', first.home).then(({ stdout }) => stdout.trim()),
        '0:0 755',
      );

      t.match(
        await first.lease('main'),
        { status: 200, body: { id: given.body.id } },
        'a repeated request returns the same lease',
      );
      t.equal((await first.mounts(first.home)).length, 1);
      const second = await TestContainer.start(t, castle);
      t.match(await second.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
      await first.kill();
      await castle.untilFree('main');
      t.equal((await second.lease('main')).status, 201);
      t.equal(
        await second.read(join(second.home, 'data')),
        'kept',
        'the data is there for the next container',
      );
      const lease = await castle.leaseOf('main');
      t.equal((await second.call('DELETE', `/v1/leases/${lease?.id}`)).status, 204);
      await untilNoLoops(castle.backend);
      t.match(await castle.ask('volumes'), [{ name: 'main', backend: 'loop', state: 'ready' }]);
    });

    t.test(`${type}: an image is fully allocated, and the container cannot use more`, async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop });
      const container = await TestContainer.start(t, castle);
      t.equal((await container.lease('main')).status, 201);
      const image = imageOf(castle.backend, 'main');
      const allocated = () => statSync(image).blocks * 512;
      const bytes = sizes[type] * 2 ** 20;
      t.equal(statSync(image).size, bytes);
      t.ok(allocated() >= bytes, 'the image has no holes');
      t.equal(statSync(image).mode & 0o777, 0o600);
      await container.write(join(container.home, 'before'), 'kept');
      await t.rejects(
        container.run('dd', 'if=/dev/zero', `of=${container.home}/large`, 'bs=1M', `count=${sizes[type]}`),
        /in the container/,
      );
      t.ok(
        statSync(join('/proc', String(await container.pid()), 'root', container.home, 'large')).size >
          bytes / 2,
      );
      t.equal(await container.read(join(container.home, 'before')), 'kept');
      await container.run('rm', join(container.home, 'large'));
      await container.run('fstrim', container.home);
      t.ok(allocated() < bytes, 'a privileged container can punch holes into the image');
      await container.kill();
      await castle.untilFree('main');
      const next = await TestContainer.start(t, castle);
      t.equal((await next.lease('main')).status, 201);
      t.ok(allocated() >= bytes, 'the holes are filled at the next mount');
      t.equal(await next.read(join(next.home, 'before')), 'kept');
    });
  }

  t.test('a castle with a lost state finds the user of an image, which gets its lease again', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { loop: 'size=16M' });
    const [first, second] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    await first.lease('main');
    await first.write(join(first.home, 'data'), 'kept');
    const [{ id } = {}] = await castle.ask('volumes');
    await castle.end('SIGKILL');
    castle.loseState();
    const [ours, others] = [`.unfinished-${randomUUID()}`, '.unfinished-by-somebody'] as const;
    for (const name of [ours, others]) writeFileSync(join(castle.backend, name), '');
    await castle.serve();
    t.notOk(existsSync(join(castle.backend, ours)), 'the leftover of an interrupted creation is removed');
    t.ok(existsSync(join(castle.backend, others)), 'a file of another program stays');
    const inUse = {
      status: 409,
      body: { error: { code: 'volume_in_use', message: /mount namespace of process/ } },
    };
    t.match(await second.lease('main'), inUse);
    t.equal(
      (await first.lease('main')).status,
      201,
      'the container that uses the image gets its lease again',
    );
    t.equal((await first.mounts(first.home)).length, 1, 'the existing mount is kept');
    t.match(await castle.ask('volumes'), [{ name: 'main', id, state: 'ready' }], 'the volume is the same');
    t.match(await first.lease('other'), { status: 422 }, 'another volume on the same mount point is refused');
    await first.kill();
    await castle.untilFree('main');
    t.equal((await second.lease('main')).status, 201);
    t.equal(await second.read(join(second.home, 'data')), 'kept');
  });

  t.test(
    'after a change of the backend, volumes of the old one are refused and not created in the new one',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop: 'size=16M' });
      const container = await TestContainer.start(t, castle);
      await container.lease('main');
      await container.kill();
      await castle.untilFree('main');
      await castle.end('SIGTERM');
      const folders = await CastleOnHost.start(t, 'process', { state: castle.state });
      const next = await TestContainer.start(t, folders);
      t.match(await next.lease('main'), {
        status: 503,
        body: { error: { message: /is in the backend loop, but this castle serves the local folder/ } },
      });
    },
  );
}
