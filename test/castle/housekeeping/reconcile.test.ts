/** The serving castle finds differences between its records and the system, repairs them if possible, and reports them. */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { loopDevices, untilNoLoops } from '../backends/loop/loop-host.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';

const often = ['--reconcile-interval', '1s'];

/** Waits until the castle has emitted an event a number of times. */
const untilEvent = (
  castle: CastleOnHost,
  event: string,
  facts: Readonly<Record<string, unknown>>,
  times = 1,
) =>
  until(`${event} ${JSON.stringify(facts)}`, () => {
    const lines = castle.eventsNamed(event);
    const fitting = lines.filter((line) =>
      Object.entries(facts).every(([key, value]) =>
        value instanceof RegExp ? value.test(String(line[key])) : line[key] === value,
      ),
    );
    return fitting.length >= times || undefined;
  });

if (requires(t, root, loopDevices)) {
  t.test('with every backend, a lease ends when root of the host unmounts its volume', async (t) => {
    for (const loop of [undefined, 'size=16M']) {
      const castle = await CastleOnHost.start(t, 'process', {
        options: often,
        ...(loop === undefined ? {} : { loop }),
      });
      const [one, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      const { id } = (await one.lease('main')).body;
      const beside = (await other.lease('beside')).body.id;
      await one.run('umount', one.home);
      await untilEvent(castle, 'lease.ended', { lease: id, message: /its mount is gone/ });
      await untilEvent(castle, 'reconcile.corrected', { count: 1 });
      t.match(await castle.ask('leases'), [{ id: beside, state: 'mounted' }], 'other leases are unchanged');
      t.equal((await castle.ask('leases')).length, 1);
      t.equal((await other.lease('beside')).status, 200);
      if (loop !== undefined) {
        await other.call('DELETE', `/v1/leases/${beside}`);
        await untilNoLoops(castle.backend);
      }
    }
  });

  t.test('a mount that was moved keeps its lease, and reconciliation reports nothing', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: [...often, '--log-level', 'debug'] });
    const container = await TestContainer.start(t, castle);
    const { id } = (await container.lease('main')).body;
    const moved = join(temporaryFolder(t, 'moved'), 'here');
    mkdirSync(moved);
    await container.run('mount', '--move', container.home, moved);
    const before = castle.eventsNamed('reconcile.checked').length;
    await untilEvent(castle, 'reconcile.checked', {}, before + 2);
    t.match(await castle.ask('leases'), [{ id, state: 'mounted' }]);
    t.same(castle.eventsNamed('lease.adopted'), []);
    t.same(castle.eventsNamed('reconcile.corrected'), []);
  });

  t.test('a difference that only an operator can repair is reported once', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: [...often, '--log-level', 'debug'] });
    const container = await TestContainer.start(t, castle);
    const untilReconciled = async (count: number) => {
      const before = castle.eventsNamed('reconcile.checked').length;
      await untilEvent(castle, 'reconcile.checked', {}, before + count);
    };
    const unresolvedCount = (message: RegExp) =>
      castle.eventsNamed('volume.unresolved').filter((line) => message.test(String(line['message']))).length;
    for (const volume of ['away', 'used']) {
      const { id } = (await container.lease(volume)).body;
      t.equal((await container.call('DELETE', `/v1/leases/${id}`)).status, 204);
    }
    renameSync(join(castle.backend, 'away'), `${castle.backend}-away`);
    const elsewhere = temporaryFolder(t, 'elsewhere');
    const umount = mounted(t, elsewhere, '--bind', join(castle.backend, 'used'));
    await untilEvent(castle, 'volume.unresolved', {
      volume: 'away',
      message: /missing from the local folder/,
    });
    await untilEvent(castle, 'volume.unresolved', {
      volume: 'used',
      message: /on the host, .*, without a lease/,
    });
    await untilReconciled(2);
    t.equal(unresolvedCount(/missing from/), 1);
    t.equal(unresolvedCount(/without a lease/), 1);
    t.match(
      (await castle.ask('volumes')).map(({ name, state }) => `${name} ${state}`),
      ['away ready', 'used ready'],
      'nothing is changed',
    );
    umount();
    renameSync(`${castle.backend}-away`, join(castle.backend, 'away'));
    t.equal((await container.lease('away')).status, 201);
  });

  t.test('--reconcile-interval below or above its bounds is an error', async (t) => {
    for (const [every, why] of [
      ['0s', /is not a time from 1s to 1d/],
      ['2d', /is not a time from 1s to 1d/],
      ['often', /--reconcile-interval/],
    ] as const) {
      const ended = await run(process.execPath, ['dist/castle.js', 'serve', '--reconcile-interval', every]);
      t.match(ended, { code: 64, stderr: why });
    }
  });
}
