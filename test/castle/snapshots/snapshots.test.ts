/** Snapshots of images are of one moment on every file system below, and volumes can be restored from them. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { fsck, imageOf, loopDevices, untilNoLoops } from '../backends/loop/loop-host.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import {
  castleCommand,
  folderOn,
  restored,
  snapshotsOf,
  stored,
  taken,
  writing,
  written,
} from './snapshot-host.ts';

t.setTimeout(0);

if (requires(t, root, loopDevices, ...['mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs'].map(program))) {
  for (const [disk, image] of [
    ['host', 'size=64M'],
    ['xfs', 'size=32M'],
    ['btrfs', 'size=32M'],
    ['xfs', 'fs=xfs,size=300M'],
  ] as const) {
    t.test(
      `${image} on the ${disk}: each snapshot of a volume that is being written has the data of one moment`,
      async (t) => {
        const backend = folderOn(t, disk, 2048);
        const castle = await CastleOnHost.start(t, 'process', { loop: image, backend });
        const container = await TestContainer.start(t, castle);
        t.equal((await container.lease('main')).status, 201);
        await writing(container);
        const lines = async (at: TestContainer) =>
          written(await at.read(join(at.home, 'one')), await at.read(join(at.home, 'other')));
        let least = 0;
        const ids: string[] = [];
        for (let round = 0; round < 2; round++) {
          const before = (await container.read(join(container.home, 'other'))).split('\n').length - 1;
          ids.push(await taken(castle, 'main', `round ${round}`));
          const name = `copy-${round}`;
          t.equal(await restored(castle, ids[round] ?? '', name), 201);
          t.equal(fsck(imageOf(castle.backend, name)), 0, 'the file system of the snapshot has no errors');
          const reader = await TestContainer.start(t, castle);
          t.equal(
            (await reader.lease(name)).status,
            201,
            'a container can use the restored volume together with its original',
          );
          const now = await lines(reader);
          t.ok(
            now >= before && now >= least,
            `${now} lines, of which ${before} were written before the request`,
          );
          least = now;
          await reader.kill();
          await castle.untilFree(name);
        }
        await container.kill();
        await castle.untilFree('main');
        await untilNoLoops(castle.backend);
        t.equal(fsck(imageOf(castle.backend, 'main')), 0);
        t.same(
          (await snapshotsOf(castle)).map(({ id, volume, state, origin, note }) => [
            id,
            volume,
            state,
            origin,
            note,
          ]),
          ids.map((id, round) => [id, 'main', 'ready', 'manual', `round ${round}`]),
        );
        t.same(
          stored(castle).filter((name) => name.startsWith('.')),
          [],
          'no temporary file is left',
        );
        t.match(castle.eventsNamed('snapshot.taken'), [
          { volume: 'main', snapshot: ids[0], tookMs: Number },
          {},
        ]);
        const idle = await taken(castle, 'main');
        t.equal(await restored(castle, idle, 'idle'), 201);
        t.equal(fsck(imageOf(castle.backend, 'idle')), 0, 'a snapshot of an unused volume has no errors');
        await castle.end('SIGKILL');
        castle.loseState();
        await castle.serve();
        const found = await snapshotsOf(castle);
        t.same(
          found.map(({ id }) => id),
          [...ids, idle],
          'snapshots are found after the state is lost',
        );
        t.match(
          found,
          found.map(() => ({ volume: 'main', state: 'ready', origin: 'adopted', volumeId: String })),
        );
      },
    );
  }

  t.test(
    'a restore can enlarge a volume, and is refused over an existing volume or from an unknown snapshot',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop: 'size=32M' });
      const container = await TestContainer.start(t, castle);
      await container.lease('main');
      await container.write(join(container.home, 'data'), 'kept');
      const { stdout: report } = await castleCommand(castle, 'snapshot', 'create', 'main', '--note', 'first');
      const id = /^snapshot (\S+) of volume main is taken$/m.exec(report)?.[1] ?? report;
      await container.write(join(container.home, 'data'), ' and more');
      const later = await taken(castle, 'main');
      const make = (...args: readonly string[]) => castleCommand(castle, ...args);
      t.match(await make('snapshot', 'restore', id, 'large', '--size', '64M'), {
        code: 0,
        stdout: `volume large is created from snapshot ${id}\n`,
      });
      t.equal(statSync(imageOf(castle.backend, 'large')).size, 64 * 2 ** 20);
      t.ok(
        statSync(imageOf(castle.backend, 'large')).blocks * 512 >= 64 * 2 ** 20,
        'the image is fully allocated',
      );
      t.match(await make('volume', 'create', 'last', '--snapshot', 'latest:main'), { code: 0 });
      const [reader, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      await reader.lease('large');
      t.equal(await reader.read(join(reader.home, 'data')), 'kept');
      const { stdout } = await reader.run('df', '--block-size=1M', '--output=size', reader.home);
      t.ok(Number(stdout.split('\n')[1]) > 50, 'the file system has the new size');
      await other.lease('last');
      t.equal(await other.read(join(other.home, 'data')), 'kept and more');

      const ids = (await castle.ask('volumes')).map((volume) => volume.id);
      t.equal(new Set(ids).size, 3, 'each volume has its own id');
      const nobody = '00000000-0000-4000-8000-000000000000';
      for (const [args, code, sentence] of [
        [
          ['snapshot', 'restore', id, 'main'],
          75,
          /main exists already, and a snapshot never replaces a volume/,
        ],
        [['volume', 'create', 'main', '--snapshot', id], 75, /exists already/],
        [
          ['snapshot', 'restore', id, 'small', '--size', '16M'],
          64,
          /smaller than its snapshot, which has 32M/,
        ],
        [['snapshot', 'restore', nobody, 'x'], 64, /there is no snapshot 0000/],
        [['volume', 'create', 'x', '--snapshot', 'latest:none'], 64, /no snapshot of volume none/],
        [['snapshot', 'restore', id, '../x'], 64, /name "\.\.\/x"/],
        [['snapshot', 'create', 'none'], 64, /there is no volume none/],
        [['snapshot', 'delete', '../../x'], 64, /there is no snapshot \.\.\/\.\.\/x/],
        [['snapshot', 'prune'], 64, /no snapshot schedule/],
        [['snapshot', 'restore', id, 'x', '--size', 'big'], 64, /big is not a size/],
      ] as const) {
        const ended = await make(...args);
        t.match(ended, { code, stdout: '', stderr: sentence }, args.join(' '));
        t.equal(ended.stderr.trimEnd().split('\n').length, 1);
      }
      t.equal(await container.read(join(container.home, 'data')), 'kept and more', 'the volume is unchanged');
      t.same(
        (await castle.ask('volumes')).map(({ name }) => name),
        ['large', 'last', 'main'],
      );
      for (const [method, path, body] of [
        ['GET', '/v1/snapshots', undefined],
        ['POST', '/v1/snapshots', { volume: 'main' }],
        ['DELETE', `/v1/snapshots/${id}`, undefined],
        ['POST', `/v1/snapshots/${id}/restore`, { name: 'mine' }],
        ['POST', '/v1/snapshots/prune', { dryRun: false }],
      ] as const) {
        t.match(
          await container.call(method, path, body),
          { status: 403 },
          `a container is not permitted: ${path}`,
        );
      }
      t.match(await make('snapshots', 'main'), {
        code: 0,
        stdout: /^VOLUME +AGE +STATE +ORIGIN +SNAPSHOT +NOTE\nmain +\d+s /,
      });
      t.match(await make('snapshots', 'other'), { code: 0, stdout: 'no snapshots\n' });
      t.match(await make('snapshot', 'delete', id), { code: 0, stdout: `snapshot ${id} is deleted\n` });
      t.same(
        (await snapshotsOf(castle)).map((one) => one.id),
        [later],
      );
      t.equal(stored(castle).length, 1);
      t.equal(await castle.metric('castle_snapshots{state="ready"}'), 1);
    },
  );
}
