/** The castle and its engine: events of containers, and how the castle works while the engine is down. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Finding } from '../../src/castle/doctor/finding.ts';
import { CastleOnHost } from '../castle/kit/castle-on-host.ts';
import * as docker from '../kit/docker.ts';
import { addBusybox, addNode, importImage, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';
import { EngineProxy } from './engine-proxy.ts';

t.setTimeout(0);

if (requires(t, root, engine, program('busybox'), program('tar'))) {
  const folder = temporaryFolder(t, 'root');
  await addBusybox(folder);
  await addNode(folder);
  mkdirSync(join(folder, 'data'));
  copyFileSync('test/engine/ask-castle.mjs', join(folder, 'ask-castle.mjs'));
  const image = await importImage(t, folder);

  /** A container that requests a volume. */
  const start = (t: Test, castle: CastleOnHost, volume: string, ...options: readonly string[]) =>
    docker.start(
      t,
      image,
      [...castle.options(volume), '--env', 'PATH=/usr/local/bin:/bin', ...options],
      [...['node', '/ask-castle.mjs', volume, '/data']],
    );
  const lives = (castle: CastleOnHost, volume: string) =>
    readFileSync(join(castle.backend, volume, 'lives'), 'utf8').length;

  t.test("the log has the engine's events of containers with storage", async (t) => {
    const castle = await CastleOnHost.start(t);
    await castle.untilEngineIs('connected');
    t.equal(await castle.metric('castle_engine_connected'), 1);
    const container = await start(t, castle, 'main');
    const stranger = await docker.start(t, image, [], ['sleep', '1000']);
    await docker.untilPrinted(container, /^has its volume/);
    await docker.pause(container);
    t.match(await castle.untilEventOf('container.paused', container.id), [{ volume: 'main', level: 'info' }]);
    t.match(await castle.leaseOf('main'), { state: 'mounted' }, 'a paused container keeps its storage');
    await docker.docker('unpause', container.id);
    await castle.untilEventOf('container.resumed', container.id);
    await docker.docker('kill', stranger.id);
    await docker.docker('stop', '--time', '20', container.id);
    t.match(await castle.untilEventOf('container.killed', container.id), [
      { message: /was sent a signal, signal 15$/ },
    ]);
    t.match(await castle.untilEventOf('container.died', container.id), [
      { message: /has ended, exit code 0$/ },
    ]);
    await castle.untilEventOf('container.stopped', container.id);
    await castle.untilFree('main');

    await docker.docker('start', container.id);
    await docker.untilPrinted(container, /^has its volume/, 2);
    t.match(
      await castle.leaseOf('main'),
      { container: container.id },
      'the restarted container has its volume again',
    );
    t.equal(lives(castle, 'main'), 2, 'the restarted container has its data');
    await docker.docker('kill', container.id);
    t.match(await castle.untilEventOf('container.died', container.id, 2), [
      {},
      { message: /exit code 137$/ },
    ]);
    await docker.docker('rm', '--volumes', container.id);
    await castle.untilEventOf('container.destroyed', container.id);
    await castle.untilFree('main');
    t.notMatch(castle.output, stranger.id, 'events of other containers are not logged');
    t.same(castle.eventsNamed('container.unresolved'), [], 'the pidfd and the engine agree');
  });

  t.test('the log names a container that ran out of memory', async (t) => {
    const castle = await CastleOnHost.start(t);
    await castle.untilEngineIs('connected');
    const memory = ['--memory', '64m', '--memory-swap', '64m', '--oom-score-adj', '1000'];
    const container = await start(t, castle, 'hungry', ...memory);
    await docker.untilPrinted(container, /^has its volume/);
    await docker.run('docker', ['exec', container.id, 'sh', '-c', 'tail /dev/zero']);
    t.match(await castle.untilEventOf('container.oom', container.id), [{ level: 'warn', volume: 'hungry' }]);
  });

  t.test(
    'while its engine is down, the castle keeps running and refuses requests; missed events are logged afterwards',
    async (t) => {
      const proxy = await EngineProxy.start(t);
      const castle = await CastleOnHost.start(t, 'docker', { dockerSocket: proxy.socket });
      await castle.untilEngineIs('connected');
      const [stays, goes] = [await start(t, castle, 'stays'), await start(t, castle, 'goes')];
      await docker.untilPrinted(stays, /^has its volume/);
      await docker.untilPrinted(goes, /^has its volume/);

      await proxy.cut();
      await castle.untilEngineIs('disconnected');
      t.equal(castle.eventsNamed('engine.disconnected').length, 1);
      t.equal(await castle.metric('castle_engine_connected'), 0);
      t.equal((await castle.get('/healthz')).status, 200, 'the castle stays healthy');
      const asks = await start(t, castle, 'later');
      await docker.untilPrinted(asks, /^503 backend_failed 2$/);
      t.same((await castle.ask('leases')).map(({ volume }) => volume).sort(), ['goes', 'stays']);
      await docker.docker('kill', goes.id);
      await castle.untilFree('goes');
      t.pass('the pidfd reports an end while the engine is down');

      await proxy.join();
      await castle.untilEngineIs('connected');
      t.equal(castle.eventsNamed('engine.connected').length, 2);
      await docker.untilPrinted(asks, /^has its volume/);
      t.match(
        await castle.untilEventOf('container.died', goes.id),
        [{ volume: 'goes' }],
        'missed events are logged',
      );
      t.match(await castle.leaseOf('stays'), { state: 'mounted', container: stays.id });

      for (let times = 0; times < 3; times++) {
        await proxy.cut();
        await castle.untilEngineIs('disconnected');
        await proxy.join();
        await castle.untilEngineIs('connected');
      }
      t.equal(
        (await castle.untilEventOf('container.died', goes.id)).length,
        1,
        'repeated events are logged once',
      );
      t.same(castle.eventsNamed('container.unresolved'), []);
      t.equal(await castle.end('SIGTERM'), 0);
    },
  );

  t.test('a castle that starts before its engine connects to it later', async (t) => {
    const proxy = await EngineProxy.start(t);
    await proxy.cut();
    const castle = await CastleOnHost.start(t, 'docker', { dockerSocket: proxy.socket });
    await castle.untilEngineIs('disconnected');
    await proxy.join();
    await castle.untilEngineIs('connected');
    const container = await start(t, castle, 'main');
    await docker.untilPrinted(container, /^has its volume/);
    t.match(await castle.leaseOf('main'), { container: container.id });
  });

  t.test('an engine that hangs delays neither the start nor the stop of the castle', async (t) => {
    const proxy = await EngineProxy.start(t);
    await proxy.hang();
    const castle = await CastleOnHost.start(t, 'docker', { dockerSocket: proxy.socket });
    t.match(await castle.status(), { engine: 'disconnected' });
    await until('engine.disconnected is emitted', () => castle.eventsNamed('engine.disconnected')[0]);
    const asks = await start(t, castle, 'main');
    await docker.untilPrinted(asks, /^503 backend_failed 2$/);
    t.equal(await castle.end('SIGTERM'), 0);
  });

  t.test('castle doctor recognizes a container of this engine', async (t) => {
    const container = await docker.start(t, image, [], ['sleep', '1000']);
    const { stdout } = await docker.run(process.execPath, [
      'dist/castle.js',
      'doctor',
      '--json',
      '--runtime',
      'docker',
    ]);
    const findings = JSON.parse(stdout) as readonly Finding[];
    t.match(
      findings.filter(({ what }) => what === 'container engine'),
      [{ state: 'ok', found: /cgroups version \d/ }],
    );
    t.match(
      findings.filter(({ what }) => what === 'cgroup layout'),
      [{ state: 'ok', found: /is recognized/ }],
    );
    t.ok(container.id);
  });
}
