/** Volumes on which a file system is mounted, and volumes that are also mounted elsewhere on the host. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';

if (requires(t, root)) {
  t.test('a volume on which a file system is mounted is recognized in its containers', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const folder = join(castle.backend, 'main');
    mkdirSync(folder);
    mounted(t, folder, '-t', 'tmpfs', 'volume');
    const [first, second] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    const given = await first.lease('main');
    t.equal(given.status, 201);
    for (const again of ['a second', 'a third']) {
      t.match(await first.lease('main'), { status: 200, body: { id: given.body.id } }, `${again} time`);
    }
    t.equal((await first.mounts(first.home)).length, 1, 'the volume is mounted once');

    await castle.end('SIGKILL');
    await castle.serve();
    t.match(
      await castle.leaseOf('main'),
      { id: given.body.id, state: 'mounted' },
      'the lease is recovered after a restart',
    );
    t.match(await second.lease('main'), { status: 409 });

    await castle.end('SIGKILL');
    castle.loseState();
    await castle.serve();
    t.match(
      await second.lease('main'),
      { status: 409 },
      'without the store, the mount is enough to keep the volume in use',
    );
    t.equal((await first.lease('main')).status, 201);
    await first.kill();
    await castle.untilFree('main');
    t.equal((await second.lease('main')).status, 201);
  });

  t.test('a volume that is also mounted elsewhere on the host is refused', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const folder = join(castle.backend, 'main');
    mkdirSync(join(folder, 'part'), { recursive: true });
    for (const part of ['', 'part']) {
      const elsewhere = temporaryFolder(t, 'elsewhere');
      const umount = mounted(t, elsewhere, '--bind', join(folder, part));
      t.match(await container.lease('main'), {
        status: 409,
        body: {
          error: {
            code: 'volume_in_use',
            holder: 'the host',
            message: `volume main is mounted on ${elsewhere} on the host, outside the folder of the volumes`,
            remedy: `umount ${elsewhere}`,
          },
        },
      });
      umount();
    }
    // Another process may have copied the host's mounts into its own mount namespace, which exists a moment longer.
    await until(
      'the volume is free',
      async () => (await container.lease('main')).status === 201 || undefined,
    );
  });

  t.test("a mount point in the castle's own folder of volumes is refused", async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    mkdirSync(join(castle.backend, 'other'));
    t.match(await container.lease('main', join(castle.backend, 'other')), {
      status: 422,
      body: { error: { code: 'bad_target', message: /folder in which the castle keeps its volumes/ } },
    });
  });
}
