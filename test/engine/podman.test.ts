/** The castle with Podman as its engine: the same API with other names of events. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Finding } from '../../src/castle/doctor/finding.ts';
import { CastleOnHost } from '../castle/kit/castle-on-host.ts';
import { run } from '../kit/docker.ts';
import { addBusybox, addNode, temporaryFolder } from '../kit/images.ts';
import { program, requires, root } from '../kit/needs.ts';
import { Podman } from '../kit/podman.ts';
import { until } from '../kit/until.ts';

t.setTimeout(0);

if (requires(t, root, program('podman'), program('docker'), program('busybox'), program('tar'))) {
  const folder = temporaryFolder(t, 'root');
  await addBusybox(folder);
  await addNode(folder);
  mkdirSync(join(folder, 'data'));
  copyFileSync('test/engine/ask-castle.mjs', join(folder, 'ask-castle.mjs'));
  const podman = await Podman.start(t);
  const image = await podman.image(t, folder);

  const castleOf = (t: Test): Promise<CastleOnHost> =>
    CastleOnHost.start(t, 'podman', { dockerSocket: podman.socket });
  /** Starts a container that requests a volume. @returns its id */
  const start = (castle: CastleOnHost, volume: string, options: readonly string[]) =>
    podman.run(
      ...['run', '--detach', '--network', 'none', '--env', 'PATH=/usr/local/bin:/bin', ...options],
      ...['--volume', `${castle.socketFolder}:/run/castle:ro`, image],
      ...['node', '/ask-castle.mjs', volume, '/data'],
    );
  const label = (volume: string) => ['--label', `castle.volume=${volume}`];
  const printed = (id: string, what: RegExp, times = 1) =>
    until(`${id.slice(0, 12)} prints ${what}`, async () => {
      const found = [...(await podman.run('logs', id)).matchAll(new RegExp(what.source, 'gm'))];
      return found.length >= times || undefined;
    });

  t.test('a container gets the volume of its label, and its events are logged', async (t) => {
    const castle = await castleOf(t);
    await castle.untilEngineIs('connected');
    const id = await start(castle, 'main', label('main'));
    await printed(id, /^has its volume/);
    t.match(await castle.leaseOf('main'), { state: 'mounted', container: id, target: '/data' });
    t.equal(readFileSync(join(castle.backend, 'main/lives'), 'utf8'), 'x', 'the data is on the host');

    await podman.run('pause', id);
    t.match(await castle.untilEventOf('container.paused', id), [{ volume: 'main' }]);
    await podman.run('unpause', id);
    await castle.untilEventOf('container.resumed', id);
    await podman.run('stop', '--time', '20', id);
    t.match(await castle.untilEventOf('container.died', id), [{ message: /has ended, exit code 0$/ }]);
    await castle.untilFree('main');

    await podman.run('start', id);
    await printed(id, /^has its volume/, 2);
    t.equal(
      readFileSync(join(castle.backend, 'main/lives'), 'utf8'),
      'xx',
      'the restarted container has its volume again',
    );
    await podman.run('kill', id);
    await castle.untilEventOf('container.killed', id);
    t.match(await castle.untilEventOf('container.died', id, 2), [{}, { message: /exit code 137$/ }]);
    await podman.run('rm', id);
    await castle.untilEventOf('container.destroyed', id);
    await castle.untilFree('main');
    t.same(castle.eventsNamed('container.unresolved'), [], 'the pidfd and Podman agree');
  });

  t.test('a request without a label, or with the label of another volume, is refused', async (t) => {
    const castle = await castleOf(t);
    const [none, other] = [await start(castle, 'main', []), await start(castle, 'main', label('other'))];
    for (const id of [none, other]) await printed(id, /^403 not_permitted/).catch((thrown) => t.fail(thrown));
    await castle.untilEngineIs('connected');
    await podman.run('rm', '--force', '--time', '0', none, other);
    await castle.untilEventOf('container.destroyed', other);
    t.same(
      castle.eventsNamed('container.destroyed').length,
      1,
      'nothing is logged about a container without the label',
    );
    t.same(await castle.ask('volumes'), []);
  });

  t.test('a container in a pod gets its volume', async (t) => {
    const castle = await castleOf(t);
    await podman.run('pod', 'create', '--name', 'controllers', '--infra=false');
    t.teardown(() => podman.run('pod', 'rm', '--force', '--time', '0', 'controllers'));
    const id = await start(castle, 'main', [...label('main'), '--pod', 'controllers']);
    await printed(id, /^has its volume/);
    t.match(await castle.leaseOf('main'), { container: id });
  });

  t.test('events that the castle missed while the service was down are logged afterwards', async (t) => {
    const castle = await castleOf(t);
    const [stays, goes] = [
      await start(castle, 'stays', label('stays')),
      await start(castle, 'goes', label('goes')),
    ];
    for (const id of [stays, goes]) await printed(id, /^has its volume/);
    await castle.untilEngineIs('connected');
    await podman.stop();
    await castle.untilEngineIs('disconnected');
    await podman.run('kill', goes);
    await castle.untilFree('goes');
    await podman.serve();
    await castle.untilEngineIs('connected');
    await castle.untilEventOf('container.died', goes);
    t.match(await castle.leaseOf('stays'), { state: 'mounted', container: stays });
    t.same(castle.eventsNamed('container.unresolved'), []);
    t.equal(await castle.end('SIGTERM'), 0);
  });

  t.test('castle doctor recognizes a container of Podman', async (t) => {
    const id = await podman.run('run', '--detach', '--network', 'none', image, 'sleep', '1000');
    const options = ['--runtime', 'podman', '--docker-socket', podman.socket];
    const { stdout } = await run(process.execPath, ['dist/castle.js', 'doctor', '--json', ...options]);
    const findings = JSON.parse(stdout) as readonly Finding[];
    const of = (what: string) => findings.filter((finding) => finding.what === what);
    t.match(of('container engine'), [{ state: 'ok', found: /^4\..*cgroups version \d/ }]);
    t.match(of('cgroup layout'), [{ state: 'ok', found: /is recognized/ }]);
    t.ok(id);
  });
}
