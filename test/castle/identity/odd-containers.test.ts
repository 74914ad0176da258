/** Unusual containers: without a first thread, with another root, with namespaces inside. */
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { compile } from '../../kit/compile.ts';
import { requires, root } from '../../kit/needs.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

if (requires(t, root)) {
  t.test('a container whose first thread has ended keeps its volume', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [leaderless] = compile(t, 'test/castle/identity/main-thread-ended.c');
    const first = await TestContainer.start(t, castle, { under: [leaderless as string] });
    const second = await TestContainer.start(t, castle);
    const { id } = (await first.lease('main')).body;
    t.equal((await first.mounts(first.home)).length, 1);
    t.match(await first.lease('main'), { status: 200, body: { id } });
    await castle.end('SIGKILL');
    await castle.serve();
    t.match(await castle.leaseOf('main'), { id, state: 'mounted' });
    t.match(await second.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
    await castle.end('SIGKILL');
    castle.loseState();
    await castle.serve();
    t.match(await second.lease('main'), { status: 409 }, 'the mount is found although the lease is lost');
    const again = (await first.lease('main')).body;
    t.equal((await first.call('DELETE', `/v1/leases/${again.id}`)).status, 204);
    t.equal((await first.mounts(first.home)).length, 0);
  });

  t.test(
    'in a container whose first process has another root, the volume is mounted below that root',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const inJail = await TestContainer.start(t, castle, { jail: true });
      const given = await inJail.lease('main');
      t.equal(given.status, 201);
      const [mount = ''] = await inJail.mounts(inJail.home);
      t.equal(Number(mount.split(' ')[0]), given.body.mountId);
      t.match(await inJail.lease('main'), { status: 200, body: { id: given.body.id } });
      t.equal((await inJail.mounts(inJail.home)).length, 1, 'two requests lead to one mount');
      t.equal((await inJail.call('DELETE', `/v1/leases/${given.body.id}`)).status, 204);
      t.equal((await inJail.mounts(inJail.home)).length, 0);
    },
  );

  t.test('two volumes never share a mount point', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const ask = (volume: string) => ['POST', '/v1/leases', { volume, target: container.home }] as const;
    const answers = await container.calls([ask('one'), ask('two')]);
    t.same(
      answers.map(({ status }) => status).sort(),
      [201, 422],
      'one of two simultaneous requests is granted',
    );
    const other = answers[0]?.status === 201 ? 'two' : 'one';
    t.match(await container.lease(other), {
      status: 422,
      body: { error: { code: 'bad_target', message: /volume (one|two) is already mounted/ } },
    });
    t.equal((await container.mounts(container.home)).length, 1);
    t.equal((await castle.ask('volumes')).length, 1, 'the refused volume was not created');
    await castle.end('SIGKILL');
    castle.loseState();
    await castle.serve();
    t.match(await container.lease(other), {
      status: 422,
      body: { error: { message: /another volume is already mounted/ } },
    });
    t.equal((await container.mounts(container.home)).length, 1);
  });

  t.test('hiding or moving the mount in the container does not end the lease', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [first, second] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    const moved = join(dirname(first.home), 'moved');
    mkdirSync(moved);
    const { id } = (await first.lease('main')).body;
    const giveBack = () => first.call('DELETE', `/v1/leases/${id}`);
    const busy = (where: string) => ({
      status: 409,
      body: {
        error: {
          code: 'busy',
          message: `the castle cannot unmount volume main from ${where} in this container`,
        },
      },
    });
    const stillThere = async (where: string) => {
      t.match(await giveBack(), busy(where));
      t.match(await first.lease('main'), busy(where), 'a repeated request mounts nothing');
      t.match(await second.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
      await castle.end('SIGKILL');
      await castle.serve();
      t.match(
        await castle.leaseOf('main'),
        { id, state: 'mounted' },
        'a restart of the castle mounts nothing',
      );
    };
    await first.run('mount', '-t', 'tmpfs', 'hiding', first.home);
    await stillThere(first.home);
    await first.run('umount', first.home);
    await first.run('mount', '--move', first.home, moved);
    await stillThere(moved);
    await first.run('mount', '--move', moved, first.home);
    t.match(await first.lease('main'), { status: 200, body: { id } });
    t.equal((await giveBack()).status, 204);
    t.equal((await second.lease('main')).status, 201);
  });

  t.test('a namespace inside the container that still has the volume keeps the lease', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const first = await TestContainer.start(t, castle);
    const { id } = (await first.lease('main')).body;
    const copied = '[ "$(readlink /proc/$!/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]';
    await first.run('sh', '-c', `unshare --mount sleep 1000 >/dev/null 2>&1 & until ${copied}; do :; done`);
    const refused = await first.call('DELETE', `/v1/leases/${id}`);
    t.match(refused, { status: 409, body: { error: { code: 'busy', message: /another mount namespace/ } } });
    t.match(await castle.leaseOf('main'), { id });
  });

  t.test('the castle starts when the folder of a volume is missing', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [away, kept] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    const { id } = (await away.lease('away')).body;
    await kept.lease('kept');
    await castle.end('SIGKILL');
    renameSync(join(castle.backend, 'away'), `${castle.backend}-away`);
    await castle.serve();
    t.match(castle.output, /volume away, .* the lease stays: volume away is missing from the local folder/);
    t.match(await castle.leaseOf('away'), { id, state: 'mounted' });
    t.match(await kept.lease('kept'), { status: 200 });
    t.match(await away.lease('away'), { status: 503, body: { error: { code: 'backend_failed' } } });
    renameSync(`${castle.backend}-away`, join(castle.backend, 'away'));
    t.match(await away.lease('away'), { status: 200, body: { id } });
  });
}
