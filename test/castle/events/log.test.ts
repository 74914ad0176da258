/** The castle's log, metrics and health, and which clients may read them. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { Terminal, terminal } from '../../kit/terminal.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';

/** A port that was free just before. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function fetched(port: number, path: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    }).on('error', reject);
  });
}

if (requires(t, root)) {
  t.test('each decision is logged as one line of JSON with its fields', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: ['--log-level', 'debug'] });
    const [has, wants] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    const { id, mountId } = (await has.lease('main')).body;
    await has.lease('main');
    await wants.lease('main');
    const { container, containerName } = (await castle.leaseOf('main')) ?? {};
    const about = { volume: 'main', container, containerName, target: has.home };
    t.match(castle.eventsNamed('lease.requested')[0], { level: 'debug', ...about });
    t.match(castle.eventsNamed('volume.created'), [{ level: 'info', volume: 'main' }]);
    t.match(castle.eventsNamed('mount.created'), [
      { level: 'info', target: has.home, mountId, tookMs: Number },
    ]);
    t.match(castle.eventsNamed('lease.granted'), [{ level: 'info', ...about, lease: id, mountId }]);
    t.match(castle.eventsNamed('lease.reused'), [{ level: 'debug', ...about, lease: id }]);
    t.match(castle.eventsNamed('lease.refused'), [
      {
        level: 'warn',
        volume: 'main',
        target: wants.home,
        code: 'volume_in_use',
        message: `volume main is in use by container ${containerName}`,
        remedy: 'stop that container first',
      },
    ]);
    t.not(
      castle.eventsNamed('lease.refused')[0]?.['container'],
      container,
      'the event names the refused container, not the holder',
    );
    await castle.end('SIGKILL');
    await castle.serve();
    t.match(castle.eventsNamed('lease.adopted'), [{ ...about, lease: id }]);
    t.match(castle.eventsNamed('reconcile.done')[1], {
      message: 'compared the store with the host; volumes: 1, leases: 1',
    });
    await has.call('DELETE', `/v1/leases/${id}`);
    t.match(castle.eventsNamed('mount.removed'), [{ target: has.home, mountId, tookMs: Number }]);
    t.match(castle.eventsNamed('lease.released'), [{ ...about, lease: id }]);
    await wants.lease('main');
    await wants.kill();
    await castle.untilFree('main');
    t.match(castle.eventsNamed('lease.ended'), [{ level: 'info', volume: 'main' }]);
    await castle.end('SIGTERM');
    t.equal(castle.eventsNamed('castle.stopped').length, 1);
    for (const line of castle.output.trimEnd().split('\n')) {
      t.match(JSON.parse(line), { time: /^\d{4}-.*Z$/, level: String, event: String, message: String }, line);
    }
  });

  t.test('a failed mount and a refused unmount are logged', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: ['--log-level', 'debug'] });
    const container = await TestContainer.start(t, castle);
    const nowhere = join(container.home, 'nowhere');
    await container.lease('main', nowhere);
    t.match(castle.eventsNamed('mount.failed'), [{ level: 'debug', target: nowhere, code: 'bad_target' }]);
    const { id } = (await container.lease('main')).body;
    await container.hold(join(container.home, 'open'));
    await container.call('DELETE', `/v1/leases/${id}`);
    t.match(castle.eventsNamed('unmount.failed'), [{ level: 'debug', target: container.home, code: 'busy' }]);
    t.equal(await castle.metric('castle_mount_seconds_count{operation="mount",outcome="failed"}'), 1);
    t.equal(await castle.metric('castle_mount_seconds_count{operation="unmount",outcome="failed"}'), 1);
  });

  t.test('a container that is refused repeatedly does not fill the log', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [has, floods] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    await has.lease('main');
    const ask = (volume: string) =>
      ['POST', '/v1/leases', { volume, target: join(floods.home, volume) }] as const;
    for (let n = 0; n < 20; n++) await floods.lease('main');
    t.equal(castle.eventsNamed('lease.refused').length, 1, 'an identical refusal is logged once');
    for (let n = 0; n < 4; n++) {
      await floods.calls(Array.from({ length: 25 }, (_, m) => ask(`other-${n}-${m}`)));
    }
    const refusals = castle.eventsNamed('lease.refused').length;
    t.ok(refusals <= 10, `${refusals} lines for 120 refusals`);
    const all = castle.output.split('\n').length;
    t.ok(all < 20, `${all} lines in total`);
    t.equal(
      await castle.metric('castle_lease_request_seconds_count{outcome="volume_in_use"}'),
      20,
      'the metrics count all refusals',
    );
    t.equal(await castle.metric('castle_lease_request_seconds_count{outcome="bad_target"}'), 100);
    await castle.end('SIGTERM');
    const suppressed = castle.eventsNamed('lease.refused').find(({ count }) => count !== undefined)?.[
      'count'
    ];
    t.equal(suppressed, 120 - refusals, 'the number of suppressed lines is logged');
  });

  t.test('control characters in the text of others are escaped in the log', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: ['--log-format', 'text'] });
    const container = await TestContainer.start(t, castle);
    await container.lease('main', `${container.home}/\u202e\u009b31m`);
    await until('the refusal is logged', () => /lease\.refused/.test(castle.output) || undefined);
    t.match(
      castle.output,
      /^\d\d:\d\d:\d\d lease\.refused +warn: mount point .*\\u202e\\x9b31m.*; use an existing folder/m,
    );
    t.notMatch(castle.output, /[\u202e\u009b]/);
  });

  t.test('on a terminal the log is text, not JSON', async (t) => {
    if (!requires(t, terminal)) return;
    const folder = temporaryFolder(t, 'terminal');
    const shown = new Terminal(t, [
      ...[process.execPath, 'dist/castle.js', 'serve', '--socket', join(folder, 'run/castle.sock')],
      ...['--state', join(folder, 'state'), '--backend', `local=${folder}/volumes`, '--runtime', 'process'],
    ]);
    await until('the castle serves', () => /castle\.serving/.test(shown.text) || undefined);
    t.match(shown.text, /^\d\d:\d\d:\d\d castle\.serving +serving on /m);
    t.notMatch(shown.text, /[{}]/);
  });

  t.test('metrics count volumes, leases and events', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [has, wants] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    t.equal(await castle.metric('castle_leases{state="mounted"}'), 0);
    await has.lease('main');
    await has.lease('main');
    await wants.lease('main');
    await wants.call('POST', '/v1/leases', '{"volume":');
    const [, here] = [await wants.lease('more'), wants.home];
    for (const [series, value] of [
      ['castle_leases{state="mounted"}', 2],
      ['castle_volumes{state="ready"}', 2],
      ['castle_lease_request_seconds_count{outcome="granted"}', 2],
      ['castle_lease_request_seconds_count{outcome="reused"}', 1],
      ['castle_lease_request_seconds_count{outcome="volume_in_use"}', 1],
      ['castle_lease_request_seconds_count{outcome="bad_request"}', 1],
      ['castle_mount_seconds_count{operation="mount",outcome="done"}', 2],
      ['castle_events_total{event="lease.granted"}', 2],
    ] as const) {
      t.equal(await castle.metric(series), value, series);
    }
    t.equal((await wants.mounts(here)).length, 1);
    const commits = await castle.metric('castle_store_commit_seconds_count{outcome="done"}');
    t.equal(commits, 6, 'a new volume: creating, ready with its lease, mounted');
    for (const series of [
      'process_resident_memory_bytes',
      'process_open_fds',
      'process_start_time_seconds',
    ]) {
      t.ok(Number(await castle.metric(series)) > 0, series);
    }
    t.equal(
      await castle.metric('castle_engine_connected'),
      undefined,
      'without an engine, the metric has no series',
    );
    const { text } = await castle.get('/metrics');
    t.notMatch(text, /main|process-\d+/, 'the metrics contain no name of a volume or container');
  });

  t.test('lists of all containers are permitted to the host only', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [container, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    await other.lease('main');
    for (const path of ['/metrics', '/v1/events']) {
      t.match(
        await container.call('GET', path),
        { status: 403, body: { error: { code: 'not_permitted' } } },
        path,
      );
    }
    t.match(await container.call('GET', '/healthz'), { status: 200, body: { status: 'ok' } });
    t.equal((await castle.get('/healthz')).status, 200);
  });

  t.test('--metrics-listen serves /metrics and /healthz on TCP, and no other path', async (t) => {
    const port = await freePort();
    const castle = await CastleOnHost.start(t, 'process', {
      options: ['--metrics-listen', `127.0.0.1:${port}`],
    });
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    t.match(await fetched(port, '/metrics'), { status: 200, text: /^castle_leases\{state="mounted"\} 1$/m });
    t.match(await fetched(port, '/healthz'), { status: 200, text: 'ok\n' });
    for (const path of ['/', '/v1/leases', '/v1/events', '/v1/status', '//metrics']) {
      t.equal((await fetched(port, path)).status, 404, path);
    }
    const again = await run(process.execPath, [
      ...['dist/castle.js', 'serve', '--metrics-listen', `127.0.0.1:${port}`, '--runtime', 'process'],
      ...['--socket', join(castle.socketFolder, 'second.sock'), '--state', `${castle.state}-2`],
      ...['--backend', `local=${castle.backend}-2`],
    ]);
    t.match(again, {
      code: 73,
      stderr: /^castle: cannot serve metrics on 127\.0\.0\.1:\d+: .*EADDRINUSE/m,
    });
  });

  t.test('a castle that cannot write its state is unhealthy until it can', async (t) => {
    const state = temporaryFolder(t, 'state');
    mounted(t, state, '-t', 'tmpfs', '-o', 'size=512k', 'state');
    const castle = await CastleOnHost.start(t, 'process', { state });
    const container = await TestContainer.start(t, castle);
    const filling = spawn('sh', ['-c', `cat /dev/zero >${join(state, 'filler')}`], { stdio: 'ignore' });
    await new Promise((resolve) => filling.once('close', resolve));
    const targets = Array.from({ length: 50 }, (_, n) => join(container.home, `m${n}`));
    for (const target of targets) mkdirSync(target);
    const answers = await container.calls(
      targets.map((target, n) => ['POST', '/v1/leases', { volume: `v${n}`, target }] as const),
    );
    t.ok(answers.some(({ status }) => status === 503));
    // A commit of one record may still find space that a commit of many did not find, and ends the fault.
    let tries = 0;
    const health = await until('the castle is unhealthy', async () => {
      tries += 1;
      const target = join(container.home, `again${tries}`);
      mkdirSync(target);
      await container.lease(`again${tries}`, target);
      const { status, text } = await castle.get('/healthz');
      return status === 200 ? undefined : { status, text };
    });
    t.match(health, { status: 503, text: /cannot write its state/ });
    t.not(await castle.metric('castle_store_commit_seconds_count{outcome="failed"}'), undefined);
    await run('rm', [join(state, 'filler')]);
    t.equal((await container.lease('later')).status, 201);
    t.equal((await castle.get('/healthz')).status, 200);
  });
}
