/** Waiting for a volume that others have: in line, as long as somebody asks. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer, type TestContainerOptions } from '../kit/test-container.ts';

/** Begins to wait for the volume main, and returns when the castle has it in its line. */
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
  t.test('who waits gets it in the order of asking, when its time comes', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: ['--log-level', 'debug'] });
    const [holder, one, two, late] = (await start(t, castle, 4)) as [
      TestContainer,
      TestContainer,
      TestContainer,
      TestContainer,
    ];
    const { id } = (await holder.lease('main')).body;
    const [first, second] = [await wait(castle, one), await wait(castle, two)];
    t.equal(castle.told('lease.waiting').length, 2);
    t.match(await late.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
    t.equal((await holder.call('DELETE', `/v1/leases/${id}`)).status, 204);
    const given = await one.finish(first);
    t.match(given, { status: 201, body: { volume: 'main', state: 'mounted' } });
    t.equal((await one.mounts(one.home)).length, 1);
    await one.kill();
    t.equal((await two.finish(second)).status, 201, 'the end of a container is a turn, too');
    t.equal((await castle.status()).waiting, 0);
    t.equal(await castle.metric('castle_lease_request_seconds_count{outcome="waited"}'), 2);
    t.equal((await castle.ask('leases')).length, 1);
  });

  t.test('nobody comes in between, and who reads waits for nobody', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const shared = { labels: { 'castle.shared': 'true' } };
    const [one, other, more] = (await start(t, castle, 3, shared)) as [
      TestContainer,
      TestContainer,
      TestContainer,
    ];
    const [alone] = (await start(t, castle, 1)) as [TestContainer];
    const [reads] = (await start(t, castle, 1, { labels: { 'castle.readonly': 'true' } })) as [TestContainer];
    t.equal((await one.lease('main')).status, 201);
    const number = await wait(castle, alone);
    const refused = await other.lease('main');
    t.match(refused, {
      status: 409,
      body: {
        error: { code: 'volume_in_use', message: /earlier request of container .* waits for volume main/ },
      },
    });
    t.equal((await reads.lease('main')).status, 201);
    t.equal((await one.lease('main')).status, 200, 'who has it asks again as ever');
    const [behind, last] = [await wait(castle, other), await wait(castle, more)];
    await one.kill();
    t.equal((await alone.finish(number)).status, 201);
    t.equal((await castle.status()).waiting, 2, 'the others go on waiting');
    await alone.kill();
    t.equal((await other.finish(behind)).status, 201);
    t.equal((await more.finish(last)).status, 201, 'both that share, at once');
  });

  t.test('who hangs up or ends is forgotten, and gets no lease', async (t) => {
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

  t.test('at the end of its time it is refused as before; how long it may be is bounded', async (t) => {
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
      'what waiting does not mend is said at once',
    );
  });

  t.test('one container has a bounded number of places', async (t) => {
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
    t.equal((await greedy.mounts(greedy.home)).length, 1, 'all of them the same lease');
    await greedy.kill();
    t.equal((await other.finish(number)).status, 201);
  });

  t.test(
    'a castle that stops tells who waits to ask again, and the next one has them in its line',
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
      t.equal((await castle.ask('leases')).length, 1, 'nobody got what the other has');
      const last = await wait(castle, waits);
      await holder.kill();
      t.equal((await waits.finish(last)).status, 201);
    },
  );

  t.test(
    'it waits for longer than a request may take to arrive, and for mounts without a lease',
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
      // A connection whose request does not arrive is cut off: by then, requests that arrived have been looked through.
      const head = ['POST /v1/leases HTTP/1.1', 'host: castle', 'content-type: application/json'];
      t.match(await own.raw(`${head.join('\r\n')}\r\ncontent-length: 9\r\n\r\n`), {
        received: /^HTTP\/1\.1 408/,
      });
      t.ok(performance.now() - begun > 9_000, 'longer than the bound for requests');
      t.equal((await castle.status()).waiting, 1);
      await castle.end('SIGKILL');
      castle.loseState();
      await castle.serve();
      t.match(await waits.finish(number), { error: 'ECONNRESET' });
      const again = await wait(castle, waits);
      await holder.run('umount', holder.home);
      t.equal((await waits.finish(again)).status, 201, 'nobody tells of its end, and it is seen');
    },
  );

  t.test('one container waits for several volumes', async (t) => {
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
