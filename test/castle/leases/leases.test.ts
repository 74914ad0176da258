/** Leases, through the API of a running castle: containers made of namespaces request volumes, which are really mounted. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

if (requires(t, root)) {
  t.test('a volume is mounted only in its container, and its data outlives the container', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const first = await TestContainer.start(t, castle);
    const given = await first.lease('main');
    t.equal(given.status, 201);
    t.match(given.body, { volume: 'main', target: first.home, state: 'mounted' });
    const [mount = '', ...more] = await first.mounts(first.home);
    t.equal(more.length, 0);
    t.equal(
      Number(mount.split(' ')[0]),
      given.body.mountId,
      'mountId is the id in the mountinfo of the container',
    );
    t.match(mount, / rw,nosuid,nodev/);
    t.notMatch(
      readFileSync('/proc/self/mountinfo', 'utf8'),
      first.home,
      'the mount is not in the mount namespace of the host',
    );
    await first.write(join(first.home, 'data'), 'kept');
    t.equal(readFileSync(join(castle.backend, 'main/data'), 'utf8'), 'kept');

    const again = await first.lease('main');
    t.equal(again.status, 200);
    t.equal(again.body.id, given.body.id, 'a repeated request returns the same lease');
    t.equal((await first.mounts(first.home)).length, 1);

    await first.kill();
    await castle.untilFree('main');
    const second = await TestContainer.start(t, castle);
    t.equal((await second.lease('main')).status, 201);
    t.equal(await second.read(join(second.home, 'data')), 'kept');
    t.match(await castle.ask('volumes'), [{ name: 'main', backend: 'local', state: 'ready' }]);
  });

  t.test(
    'a request for a volume in use is refused with the name of its holder, until that container ends',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const [first, second] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      t.equal((await first.lease('main')).status, 201);
      const refused = await second.lease('main');
      t.equal(refused.status, 409);
      const holder = (await castle.leaseOf('main'))?.containerName;
      t.match(refused.body.error, { code: 'volume_in_use', holder });
      t.match(refused.body.error.message, `volume main is in use by container ${holder}`);
      t.equal((await second.mounts(second.home)).length, 0);
      await first.kill();
      await until(
        'the second container gets the volume',
        async () => (await second.lease('main')).status === 201 || undefined,
      );
    },
  );

  t.test('only its container can release a lease, and only while nothing uses the mount', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [mine, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    const { id } = (await mine.lease('main')).body;
    t.match(await other.call('DELETE', `/v1/leases/${id}`), {
      status: 404,
      body: { error: { code: 'not_found' } },
    });
    t.equal((await mine.call('DELETE', `/v1/leases/${id}`)).status, 204);
    t.equal((await mine.mounts(mine.home)).length, 0);
    t.same(await castle.ask('leases'), []);
    t.equal((await mine.call('DELETE', `/v1/leases/${id}`)).status, 404);

    const next = (await mine.lease('main')).body;
    await mine.hold(join(mine.home, 'open'));
    const busy = await mine.call('DELETE', `/v1/leases/${next.id}`);
    t.match(busy, { status: 409, body: { error: { code: 'busy' } } });
    t.match(
      await castle.leaseOf('main'),
      { id: next.id, state: 'mounted' },
      'a mount in use keeps its lease',
    );
  });

  t.test('a container can have several volumes, each on one mount point', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const targets = Array.from({ length: 50 }, (_, n) => join(container.home, `m${n}`));
    for (const target of targets) mkdirSync(target);
    const ask = (volume: string, target: string) => ['POST', '/v1/leases', { volume, target }] as const;
    const answers = await container.calls(targets.map((target, n) => ask(`v${n}`, target)));
    t.same(
      new Set(answers.map(({ status }) => status)),
      new Set([201]),
      'fifty requests at the same time are granted',
    );
    const twice = await container.calls(Array.from({ length: 10 }, () => ask('same', container.home)));
    t.same(
      twice.map(({ status }) => status).sort(),
      [...Array(9).fill(200), 201],
      'ten equal requests at the same time create one lease',
    );
    t.equal(new Set(twice.map(({ body }) => body.id)).size, 1);
    const elsewhere = await container.lease('v0', join(container.home, 'm1'));
    t.match(elsewhere, { status: 422, body: { error: { code: 'bad_target' } } });
  });

  t.test(
    'wrong volume names and mount points are refused with the reason, and nothing is created',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const container = await TestContainer.start(t, castle);
      const names: [string, RegExp][] = [
        ['', /is empty/],
        ['../x', /must start with a letter or digit/],
        ['.hidden', /must start with/],
        ['a/b', /hold only letters/],
        ['a\nb', /hold only letters/],
        ['a\u0000b', /hold only letters/],
        ['x'.repeat(300), /has 300 characters; 128 are the limit/],
      ];
      for (const [name, why] of names) {
        const refused = await container.lease(name);
        t.match(
          refused,
          { status: 400, body: { error: { code: 'bad_volume_name', message: why } } },
          JSON.stringify(name),
        );
      }
      t.same(readdirSync(castle.backend), [], 'no folder was created');

      const beside = dirname(container.home);
      symlinkSync('home', join(beside, 'link'));
      mkdirSync(join(container.home, 'inner'));
      writeFileSync(join(beside, 'file'), 'x');
      const targets: [string, RegExp][] = [
        [join(beside, 'link'), /is a symlink or leads through one/],
        [join(beside, 'link/inner'), /is a symlink or leads through one/],
        ['/proc/self/root/tmp', /is a symlink or leads through one/],
        [join(beside, 'file'), /is not a folder/],
        [join(beside, 'missing'), /does not exist in the container/],
        ['relative/path', /not an absolute path/],
        [`${container.home}/../home`, /shortest form/],
        [`${container.home}/`, /shortest form/],
        ['//', /shortest form/],
        [`/tmp/a\nb`, /shortest form/],
      ];
      for (const [target, why] of targets) {
        const refused = await container.lease('main', target);
        t.match(
          refused,
          { status: 422, body: { error: { code: 'bad_target', message: why } } },
          JSON.stringify(target),
        );
      }
      t.same(await castle.ask('leases'), [], 'no lease was left');
      t.same(await castle.ask('volumes'), [], 'no volume was left');
      t.same(readdirSync(castle.backend), [], 'no folder was left');

      mkdirSync(join(castle.backend, 'prepared'));
      t.equal((await container.lease('prepared', join(beside, 'missing'))).status, 422);
      t.same(readdirSync(castle.backend), ['prepared'], 'an empty folder that existed before stays');
      t.equal((await container.lease('main')).status, 201, 'a correct request is granted afterwards');
    },
  );

  t.test('a mount point on a mount that is shared with the host is refused', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const folder = temporaryFolder(t, 'shared');
    const mount = (...args: string[]) => execFileSync('mount', [...args, folder]);
    mount('--bind', folder);
    t.teardown(() => execFileSync('umount', [folder]));
    mount('--make-shared');
    const container = await TestContainer.start(t, castle, {
      folder,
      unshare: ['--propagation', 'unchanged'],
    });
    const refused = await container.lease('main');
    t.match(refused, {
      status: 422,
      body: { error: { code: 'bad_target', message: /shares with the host/ } },
    });
    t.same(readdirSync(castle.backend), []);
    t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), container.home);
    // Propagation in the other direction, from the host into the container, is allowed.
    const follower = temporaryFolder(t, 'follower');
    const slave = await TestContainer.start(t, castle, {
      folder: follower,
      unshare: ['--propagation', 'slave'],
    });
    t.equal((await slave.lease('main')).status, 201);
  });

  t.test('a missing volume is not replaced by an empty one', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const { id } = (await container.lease('main')).body;
    await container.call('DELETE', `/v1/leases/${id}`);
    renameSync(join(castle.backend, 'main'), join(castle.backend, 'away'));
    const refused = await container.lease('main');
    t.match(refused, {
      status: 503,
      body: { error: { code: 'backend_failed', message: /missing from the local folder/ } },
    });
    t.notOk(existsSync(join(castle.backend, 'main')));
    writeFileSync(join(castle.backend, 'main'), 'a file');
    t.match(await container.lease('main'), { status: 503, body: { error: { message: /not a folder/ } } });
    t.ok(statSync(join(castle.backend, 'main')).isFile(), 'a file in its place stays');
  });
}
