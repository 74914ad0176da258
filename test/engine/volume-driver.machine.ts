/**
 * The castle as the volume driver of a real engine. Every engine of the host finds the driver, and sends requests even after
 * its end. So this file runs last, as the suite `volume driver`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { CastleOnHost } from '../castle/kit/castle-on-host.ts';
import { run } from '../kit/docker.ts';
import { addBusybox, temporaryFolder } from '../kit/images.ts';
import { program, requires, root } from '../kit/needs.ts';
import { OwnEngine } from '../kit/own-engine.ts';
import { until } from '../kit/until.ts';

t.setTimeout(0);

/** The folder in which engines look for the sockets of plug-ins. */
const specs = '/etc/docker/plugins';
const driver = `castle-test-${process.pid}`;
const image = 'bailey-test/plugin';

/** A castle that an engine uses as a volume driver. */
async function start(t: Test, engine: OwnEngine): Promise<CastleOnHost> {
  const socket = join(temporaryFolder(t, 'plugin'), `${driver}.sock`);
  mkdirSync(specs, { recursive: true });
  writeFileSync(join(specs, `${driver}.spec`), `unix://${socket}`);
  t.teardown(() => rmSync(join(specs, `${driver}.spec`), { force: true }));
  return CastleOnHost.start(t, 'docker', {
    dockerSocket: engine.socket,
    options: ['--plugin', socket],
  });
}

const places = (castle: CastleOnHost) => readdirSync(join(castle.state, 'mounts'));

if (requires(t, root, program('dockerd'), program('busybox'), program('tar'))) {
  t.test(
    'docker run --volume-driver mounts a volume for each container and keeps its data after restarts of castle and engine',
    async (t) => {
      const engine = await OwnEngine.start(t);
      const castle = await start(t, engine);
      const folder = temporaryFolder(t, 'root');
      await addBusybox(folder);
      await run('sh', [
        '-c',
        `tar -C ${folder} -c . | docker --host unix://${engine.socket} import - ${image}`,
      ]);
      const options = (volume: string) => [
        '--network',
        'none',
        '--volume-driver',
        driver,
        '-v',
        `${volume}:/data`,
      ];
      const begin = (name: string, volume: string) =>
        engine.docker(
          ...['run', '--detach', '--init=false', '--name', name, ...options(volume), image],
          ...['sh', '-c', 'trap "exit 0" TERM; echo life >>/data/lives; while true; do sleep 0.1; done'],
        );
      const lives = (volume: string) =>
        readFileSync(join(castle.backend, volume, 'lives'), 'utf8').split('\n').length - 1;
      const lived = (volume: string, times: number) =>
        until(`life ${times}`, () => lives(volume) === times || undefined);

      await engine.docker('volume', 'create', '--driver', driver, '--opt', 'uid=0', '--opt', 'gid=0', 'main');
      t.match(await engine.run('volume', 'create', '--driver', driver, '--opt', 'colour=red', 'other'), {
        code: 1,
        stderr: /unknown option "colour"/,
      });
      await begin('first', 'main');
      await lived('main', 1);
      const lease = await castle.leaseOf('main');
      t.match(lease, { state: 'mounted', containerName: /^the engine's mount [0-9a-f]{12}$/ });
      t.same(places(castle), [basename(lease?.target ?? '')]);
      t.match(await engine.docker('volume', 'ls', '--format', '{{.Driver}} {{.Name}}'), `${driver} main`);
      t.match(JSON.parse(await engine.docker('volume', 'inspect', 'main')), [
        {
          Driver: driver,
          Mountpoint: lease?.target,
          Scope: 'local',
          Status: { holder: lease?.containerName },
        },
      ]);
      const second = await engine.run('run', '--rm', ...options('main'), image, 'true');
      t.match(second, { code: 125, stderr: /volume main is in use by the engine's mount/ });
      const copied = join(temporaryFolder(t, 'copy'), 'lives');
      await engine.docker('cp', 'first:/data/lives', copied);
      t.equal(readFileSync(copied, 'utf8'), 'life\n');
      t.equal((await castle.leaseOf('main'))?.id, lease?.id, 'docker cp does not end the lease');

      await engine.docker('restart', 'first');
      await lived('main', 2);
      await engine.docker('stop', 'first');
      t.same(
        [await castle.ask('leases'), places(castle)],
        [[], []],
        'the volume is free when the container has stopped',
      );
      await engine.docker('start', 'first');
      await lived('main', 3);
      await engine.docker('kill', 'first');
      await castle.untilFree('main');
      t.match(await engine.run('volume', 'rm', 'main'), { code: 1, stderr: /volume is in use - / });
      await engine.docker('rm', 'first');

      t.comment('the castle is killed; while it is down, one container keeps running and another one ends');
      await begin('stays', 'main');
      await begin('ends', 'new');
      await lived('main', 4);
      await lived('new', 1);
      const isSeen = async (volume: string) =>
        JSON.parse(await engine.docker('volume', 'inspect', volume))[0]?.Status?.container === 'seen';
      // The castle keeps a mount that never had a container for minutes.
      await until(
        'the castle has found both containers',
        async () => ((await isSeen('main')) && (await isSeen('new'))) || undefined,
      );
      await castle.end('SIGKILL');
      // The engine retries for some seconds and may give up.
      const stopping = engine.run('stop', 'ends');
      await until(
        'the container has ended',
        async () =>
          !(await engine.docker('top', 'ends').then(
            () => true,
            () => false,
          )) || undefined,
      );
      await castle.serve();
      await stopping;
      await castle.untilFree('new');
      t.match(await castle.leaseOf('main'), { state: 'mounted' }, 'the running container keeps its volume');
      t.equal(await engine.docker('exec', 'stays', 'cat', '/data/lives'), 'life\nlife\nlife\nlife');

      t.comment('the engine is restarted, after which it does not call Unmount');
      await engine.stop();
      await engine.serve();
      t.match(
        await castle.leaseOf('main'),
        { state: 'mounted' },
        'the container still runs and keeps its volume',
      );
      await engine.docker('stop', 'stays');
      await castle.untilFree('main');
      t.same(places(castle), []);
      await engine.docker('rm', 'stays', 'ends');
      await engine.docker('volume', 'rm', 'main');
      t.match((await castle.get('/v1/volumes/deleted')).text, /"main"/, 'the volume is in the trash');
      t.match(await engine.docker('volume', 'ls', '--format', '{{.Name}}'), 'new');
      await engine.docker('volume', 'rm', 'new');
    },
  );
}
