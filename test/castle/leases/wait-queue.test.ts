/** The queue of requests that wait for a volume in use. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer, type TestContainerOptions } from '../kit/test-container.ts';

/** Sends a request that waits for a volume, and returns when the castle has it in its queue. */
async function wait(
  castle: CastleOnHost,
  container: TestContainer,
  waitSeconds = 60,
  volume = 'main',
): Promise<number> {
  const { waiting } = await castle.status();
  const number = await container.begin('POST', '/v1/leases', { volume, target: container.home, waitSeconds });
  await untilWaiting(castle, waiting + 1);
  return number;
}

const untilWaiting = (castle: CastleOnHost, count: number) =>
  until(`${count} requests wait`, async () => (await castle.status()).waiting === count || undefined);

const start = (t: Test, castle: CastleOnHost, count: number, options: TestContainerOptions = {}) =>
  Promise.all(Array.from({ length: count }, () => TestContainer.start(t, castle, options)));

if (requires(t, root)) {
  t.test('queued requests get the volume in the order in which they were sent', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: ['--log-level', 'debug'] });
    const [holder, one, two, late] = (await start(t, castle, 4)) as [
      TestContainer,
      TestContainer,
      TestContainer,
      TestContainer,
    ];
    const { id } = (await holder.lease('main')).body;
    const [first, second] = [await wait(castle, one), await wait(castle, two)];
    t.equal(castle.eventsNamed('lease.waiting').length, 2);
    t.match(await late.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
    t.equal((await holder.call('DELETE', `/v1/leases/${id}`)).status, 204);
    const given = await one.finish(first);
    t.match(given, { status: 201, body: { volume: 'main', state: 'mounted' } });
    t.equal((await one.mounts(one.home)).length, 1);
    await one.kill();
    t.equal((await two.finish(second)).status, 201, 'the end of a container frees the volume too');
    t.equal((await castle.status()).waiting, 0);
    t.equal(await castle.metric('castle_lease_request_seconds_count{outcome="waited"}'), 2);
    t.equal((await castle.ask('leases')).length, 1);
  });

  t.test('no request passes the queue, except a read-only one, which does not wait', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const shared = { labels: { 'castle.shared': 'true' } };
    const [one, other, more] = (await start(t, castle, 3, shared)) as [
      TestContainer,
      TestContainer,
      TestContainer,
    ];
    const [exclusive] = (await start(t, castle, 1)) as [TestContainer];
    const [reads] = (await start(t, castle, 1, { labels: { 'castle.readonly': 'true' } })) as [TestContainer];
    t.equal((await one.lease('main')).status, 201);
    const number = await wait(castle, exclusive);
    const refused = await other.lease('main');
    t.match(refused, {
      status: 409,
      body: {
        error: { code: 'volume_in_use', message: /earlier request of container .* waits for volume main/ },
      },
    });
    t.equal((await reads.lease('main')).status, 201);
    t.equal((await one.lease('main')).status, 200, 'the holder can repeat its request');
    const [behind, last] = [await wait(castle, other), await wait(castle, more)];
    await one.kill();
    t.equal((await exclusive.finish(number)).status, 201);
    t.equal((await castle.status()).waiting, 2, 'the other requests still wait');
    await exclusive.kill();
    t.equal((await other.finish(behind)).status, 201);
    t.equal((await more.finish(last)).status, 201, 'both shared leases are granted together');
  });

  t.test('a request leaves the queue when its connection closes or its process ends', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [holder, hangsUp, ends, waits] = (await start(t, castle, 4)) as [
      TestContainer,
      TestContainer,
      TestContainer,
      TestContainer,
    ];
    t.equal((await holder.lease('main')).status, 201);
    const dropped = await wait(castle, hangsUp);
    await wait(castle, ends);
    const number = await wait(castle, waits);
    await hangsUp.drop(dropped);
    await untilWaiting(castle, 2);
    await ends.kill();
    await untilWaiting(castle, 1);
    await holder.kill();
    t.equal((await waits.finish(number)).status, 201);
    t.equal((await hangsUp.mounts(hangsUp.home)).length, 0);
    t.equal((await castle.ask('leases')).length, 1);
  });

  t.test('a request is refused when its waitSeconds are over, and waitSeconds has a limit', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [holder, waits] = (await start(t, castle, 2)) as [TestContainer, TestContainer];
    t.equal((await holder.lease('main')).status, 201);
    const body = { volume: 'main', target: waits.home };
    t.match(await waits.call('POST', '/v1/leases', { ...body, waitSeconds: 1 }), {
      status: 409,
      body: { error: { code: 'volume_in_use', message: /is in use by container/ } },
    });
    t.equal((await castle.status()).waiting, 0);
    for (const waitSeconds of [-1, 3601, 0.5, '1', null]) {
      t.match(await waits.call('POST', '/v1/leases', { ...body, waitSeconds }), {
        status: 400,
        body: { error: { code: 'bad_request' } },
      });
    }
    t.match(
      await waits.call('POST', '/v1/leases', { volume: 'other', target: '/nowhere', waitSeconds: 60 }),
      { status: 422 },
      'a wrong mount point is refused immediately',
    );
  });

  t.test('the number of queued requests per container is limited', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [holder, greedy, other] = (await start(t, castle, 3)) as [
      TestContainer,
      TestContainer,
      TestContainer,
    ];
    t.equal((await holder.lease('main')).status, 201);
    const numbers: number[] = [];
    for (let n = 0; n < 8; n++) numbers.push(await wait(castle, greedy));
    const body = { volume: 'main', target: greedy.home, waitSeconds: 60 };
    t.match(await greedy.call('POST', '/v1/leases', body), {
      status: 409,
      body: { error: { code: 'busy', message: /already has 8 requests that wait/ } },
    });
    const number = await wait(castle, other);
    await holder.kill();
    for (const own of numbers) t.match(await greedy.finish(own), { status: /^20[01]$/ });
    t.equal((await greedy.mounts(greedy.home)).length, 1, 'all of them return the same lease');
    await greedy.kill();
    t.equal((await other.finish(number)).status, 201);
  });

  t.test(
    'a castle that stops refuses its queued requests, and the next one queues them when they are sent again',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const [holder, waits] = (await start(t, castle, 2)) as [TestContainer, TestContainer];
      t.equal((await holder.lease('main')).status, 201);
      const number = await wait(castle, waits, 3600);
      t.equal(await castle.end('SIGTERM'), 0);
      t.match(await waits.finish(number), {
        status: 503,
        body: { error: { code: 'backend_failed', message: /the castle is stopping/ } },
      });
      await castle.serve();
      const again = await wait(castle, waits, 3600);
      await castle.end('SIGKILL');
      t.match(await waits.finish(again), { error: 'ECONNRESET' });
      await castle.serve();
      t.equal((await castle.ask('leases')).length, 1, 'no second lease was granted');
      const last = await wait(castle, waits);
      await holder.kill();
      t.equal((await waits.finish(last)).status, 201);
    },
  );

  t.test(
    'a request can wait longer than the timeout for incoming requests, and for a mount without a lease',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const [holder, waits, own] = (await start(t, castle, 3)) as [
        TestContainer,
        TestContainer,
        TestContainer,
      ];
      t.equal((await holder.lease('main')).status, 201);
      const begun = performance.now();
      const number = await wait(castle, waits);
      // The castle closes a connection whose request is incomplete; that check has then run for the waiting request too.
      const head = ['POST /v1/leases HTTP/1.1', 'host: castle', 'content-type: application/json'];
      t.match(await own.raw(`${head.join('\r\n')}\r\ncontent-length: 9\r\n\r\n`), {
        received: /^HTTP\/1\.1 408/,
      });
      t.ok(
        performance.now() - begun > 9_000,
        'the request waited longer than the timeout for incoming requests',
      );
      t.equal((await castle.status()).waiting, 1);
      await castle.end('SIGKILL');
      castle.loseState();
      await castle.serve();
      t.match(await waits.finish(number), { error: 'ECONNRESET' });
      const again = await wait(castle, waits);
      await holder.run('umount', holder.home);
      t.equal(
        (await waits.finish(again)).status,
        201,
        'the queue notices the end of a mount without a lease',
      );
    },
  );

  t.test('one container can wait for several volumes at the same time', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [holder, waits] = (await start(t, castle, 2)) as [TestContainer, TestContainer];
    const volumes = ['a', 'b', 'c'];
    const numbers: number[] = [];
    for (const volume of volumes) {
      for (const container of [holder, waits]) mkdirSync(join(container.home, volume));
      t.equal((await holder.lease(volume, join(holder.home, volume))).status, 201);
      const body = { volume, target: join(waits.home, volume), waitSeconds: 60 };
      numbers.push(await waits.begin('POST', '/v1/leases', body));
    }
    await untilWaiting(castle, 3);
    await holder.kill();
    for (const number of numbers) t.equal((await waits.finish(number)).status, 201);
  });
}
