/** Scheduled snapshots: when they are taken, when a missed one is taken, and which are kept. */
import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { castleCommand, order, snapshotsOf, taken } from './snapshot-host.ts';

t.setTimeout(0);
t.jobs = 3;

const everySecond = '* * * * * *';
const yearly = '0 0 1 1 *';
const scheduled = (schedule: string, ...more: readonly string[]) => [
  '--snapshot-schedule',
  schedule,
  ...more,
];

const byHand = async (castle: CastleOnHost) =>
  (await snapshotsOf(castle)).filter(({ origin }) => origin === 'manual').map(({ id }) => id);
const bySchedule = async (castle: CastleOnHost, volume = 'main') =>
  (await snapshotsOf(castle)).filter((one) => one.origin === 'scheduled' && one.volume === volume);

if (requires(t, root)) {
  t.test(
    'a volume in use gets a snapshot at each time; the last ones and all manual ones are kept',
    { buffered: true },
    async (t) => {
      const options = scheduled(everySecond, '--snapshot-keep', 'last=2', '--snapshot-volumes', 'main,idle');
      const castle = await CastleOnHost.start(t, 'process', { options });
      const [container, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      await container.lease('main');
      await other.lease('other');
      await order(castle, '/v1/volumes', { name: 'idle', uid: 0, gid: 0 });
      const mine = [await taken(castle, 'main'), await taken(castle, 'main'), await taken(castle, 'main')];
      await until('five are removed', () => castle.eventsNamed('snapshot.removed').length >= 5 || undefined);
      const ids = castle.eventsNamed('snapshot.removed').map((line) => line['snapshot']);
      t.notOk(
        mine.some((id) => ids.includes(id)),
        'manual snapshots are never removed',
      );
      t.same((await byHand(castle)).sort(), [...mine].sort());
      t.ok(
        (await bySchedule(castle)).length <= 4,
        'at most two scheduled snapshots, and those that are being created or deleted',
      );
      t.equal((await bySchedule(castle, 'idle')).length, 1, 'an unused volume gets no further snapshot');
      t.equal((await bySchedule(castle, 'other')).length, 0, 'a volume without a schedule gets no snapshot');
      t.equal(await castle.metric('castle_volumes_without_snapshot'), 1);
      t.ok(((await castle.metric('castle_last_snapshot_age_seconds')) ?? -1) >= 0);
      await castle.end('SIGTERM');

      const next = await CastleOnHost.start(t, 'process', {
        backend: castle.backend,
        state: castle.state,
        options: scheduled(yearly, '--snapshot-keep', 'last=1'),
      });
      const extra = (await bySchedule(next)).length - 1;
      const dry = await castleCommand(next, 'snapshot', 'prune', '--dry-run');
      t.equal(dry.code, 0);
      t.equal(dry.stdout.trimEnd().split('\n').length - 1, extra, dry.stdout);
      t.equal((await bySchedule(next)).length, extra + 1, 'previewing a retention removes nothing');
      // The two tables differ in the ages of the snapshots.
      const withoutAges = (table: string) => table.replace(/ +\d+[smhd] +/g, ' ');
      const pruned = await castleCommand(next, 'snapshot', 'prune');
      t.equal(pruned.code, 0);
      t.equal(withoutAges(pruned.stdout), withoutAges(dry.stdout));
      t.equal((await bySchedule(next)).length, 1);
      t.match(await castleCommand(next, 'snapshot', 'prune'), { code: 0, stdout: 'no snapshots\n' });
      t.equal((await byHand(next)).length, 3);
    },
  );

  t.test('a missed snapshot is taken once at the next start', { buffered: true }, async (t) => {
    const first = await CastleOnHost.start(t, 'process', { options: scheduled(yearly) });
    await order(first, '/v1/volumes', { name: 'main', uid: 0, gid: 0 });
    t.same(await bySchedule(first), [], 'the scheduled time has not come');
    const missedMs = Date.now() + 1000;
    await until('that time has passed', () => Date.now() > missedMs + 1000 || undefined);
    await first.end('SIGTERM');
    const { backend, state } = first;
    const [, hours, minutes, seconds] = /T(..):(..):(..)/.exec(new Date(missedMs).toISOString()) ?? [];
    // A time that occurs once a day: the next one is tomorrow.
    const missed = [seconds, minutes, hours].map(Number).join(' ');
    const options = scheduled(`${missed} * * *`);
    const next = await CastleOnHost.start(t, 'process', { backend, state, options });
    await until(
      'the snapshot is taken',
      async () => (await bySchedule(next)).some(({ state }) => state === 'ready') || undefined,
    );
    await next.end('SIGKILL');
    await next.serve();
    await until('the next castle has begun', async () => (await next.status()).volumes === 1 || undefined);
    t.equal((await bySchedule(next)).length, 1, 'one snapshot, and none at a further start of the castle');
  });

  t.test('a snapshot that fails does not delay others', { buffered: true }, async (t) => {
    const first = await CastleOnHost.start(t, 'process');
    for (const name of ['lost', 'main']) await order(first, '/v1/volumes', { name, uid: 0, gid: 0 });
    await first.end('SIGTERM');
    const { backend, state } = first;
    rmdirSync(join(backend, 'lost'));
    const castle = await CastleOnHost.start(t, 'process', {
      backend,
      state,
      options: scheduled(everySecond),
    });
    await until('main has a snapshot', async () => (await bySchedule(castle))[0]);
    await until('snapshot.failed is emitted', () => castle.eventsNamed('snapshot.failed')[0]);
    t.match(castle.eventsNamed('snapshot.failed')[0], {
      volume: 'lost',
      level: 'warn',
      message: /volume lost is missing from/,
    });
  });
}
