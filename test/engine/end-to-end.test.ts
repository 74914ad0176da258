/** Everything together on a real engine: a castle on the host, and containers that run a controller on its volumes. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CastleOnHost } from '../castle/kit/castle-on-host.ts';
import * as docker from '../kit/docker.ts';
import { baileyImage, jenkinsUser } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';

const home = '/var/jenkins_home';
t.setTimeout(0);

if (requires(t, root, engine, program('javac'), program('jlink'), program('busybox'), program('tar'))) {
  const image = await baileyImage(t);

  t.test(
    'a controller gets its storage, leaves no zombie, stops cleanly, and finds its data again',
    async (t) => {
      const castle = await CastleOnHost.start(t);
      const options = [...castle.options('main'), '--env', 'ORPHANS=60'];
      const first = await docker.start(t, image, options, ['--httpPort=8080']);
      await docker.untilPrinted(first, /^controller: ready/);
      const log = await docker.printed(first);
      t.match(log, /^controller: arguments \[--httpPort=8080\]$/m);
      t.match(log, /^controller: found builds \[\]$/m);

      const lease = await castle.leaseOf('main');
      t.match(lease, { state: 'mounted', container: first.id, target: home });
      const mounts = await docker.docker('exec', first.id, 'cat', '/proc/self/mountinfo');
      const mine = mounts.split('\n').filter((line) => line.split(' ')[4] === home);
      t.equal(Number(mine.at(-1)?.split(' ')[0]), lease?.mountId, 'the topmost mount is that of the castle');
      t.match(mine.at(-1), / rw,nosuid,nodev/);
      t.equal(statSync(join(castle.backend, 'main')).uid, jenkinsUser);
      t.equal(
        readFileSync(join(castle.backend, 'main/builds/1/log'), 'utf8'),
        'build 1\n',
        'the data is on the host',
      );
      t.ok(
        existsSync(join(castle.backend, 'main/from-the-image.txt')),
        'the reference files are on the host too',
      );

      // bailey has executed java: once the last orphan has ended, only process 1 and java are left.
      const rows = await until('two processes are left', async () => {
        const rows = await docker.processes(first);
        return rows.length === 2 ? rows : undefined;
      });
      t.match(rows, [
        { command: 'bailey-init', uid: jenkinsUser },
        { command: 'java', uid: jenkinsUser },
      ]);

      await docker.docker('stop', '--time', '60', first.id);
      t.equal(await docker.ended(first), 143);
      t.match(await docker.printed(first), /^controller: shutting down$/m, 'java shut down cleanly');
      await castle.untilFree('main');

      const second = await docker.start(t, image, castle.options('main'));
      await docker.untilPrinted(second, /^controller: ready/);
      t.match(await docker.printed(second), /^controller: found builds \[1\]$/m);
      await docker.docker('kill', second.id);
      t.equal(await docker.ended(second), 137);
      await castle.untilFree('main');

      await docker.docker('start', first.id);
      await docker.untilPrinted(first, /^controller: found builds \[1, 2\]$/);
      await docker.untilPrinted(first, /^controller: ready/, 2);
      t.match(
        await castle.leaseOf('main'),
        { state: 'mounted', container: first.id },
        'a container that docker start starts again requests its volume again',
      );
      await docker.docker('stop', '--time', '60', first.id);
      await castle.untilFree('main');
      t.match(await castle.ask('volumes'), [{ name: 'main', backend: 'local', state: 'ready' }]);
      t.equal(await castle.end('SIGTERM'), 0, castle.output);
    },
  );

  t.test("the orchestrator's labels decide which container may use which volume", async (t) => {
    const castle = await CastleOnHost.start(t);
    const unlabelled = await docker.runToEnd(image, castle.optionsWithoutPermission('secret'), []);
    t.equal(unlabelled.code, 77, unlabelled.stderr);
    t.match(unlabelled.stderr, /^bailey: .*secret/m);
    const other = ['--label', 'castle.volume=mine', ...castle.optionsWithoutPermission('secret')];
    const stranger = await docker.runToEnd(image, other, []);
    t.equal(stranger.code, 77, stranger.stderr);
    t.notMatch(
      unlabelled.stdout + stranger.stdout,
      /controller:/,
      'no controller starts without its storage',
    );
    t.same(await castle.ask('volumes'), [], 'nothing was created');
  });

  t.test(
    'a volume that another container uses is refused, or granted when that container stops',
    async (t) => {
      const castle = await CastleOnHost.start(t);
      const name = `bailey-holder-${process.pid}`;
      const holder = await docker.start(t, image, [...castle.options('shared'), '--name', name]);
      await docker.untilPrinted(holder, /^controller: ready/);
      const impatient = [...castle.options('shared'), '--env', 'CASTLE_TIMEOUT=2s'];
      const refused = await docker.runToEnd(image, impatient, []);
      t.equal(refused.code, 75, refused.stderr);
      t.match(refused.stderr, new RegExp(`^bailey: .*${name}`, 'm'), 'the message names the holder');

      const patient = await docker.start(t, image, [
        ...castle.options('shared'),
        '--env',
        'CASTLE_TIMEOUT=90s',
      ]);
      await docker.untilPrinted(patient, new RegExp(name));
      t.equal((await castle.leaseOf('shared'))?.container, holder.id, 'the second container waits');
      await docker.docker('stop', '--time', '60', holder.id);
      await docker.untilPrinted(patient, /^controller: found builds \[1\]$/);
      t.equal(
        (await castle.leaseOf('shared'))?.container,
        patient.id,
        'the second container gets the volume when the first one has stopped',
      );
    },
  );

  t.test('SIGTERM ends a container that waits for its storage', async (t) => {
    const castle = await CastleOnHost.start(t);
    const holder = await docker.start(t, image, castle.options('busy'));
    await docker.untilPrinted(holder, /^controller: ready/);
    const waiting = await docker.start(t, image, castle.options('busy'));
    await docker.untilPrinted(waiting, /^bailey: .*busy/);
    await docker.docker('stop', '--time', '60', waiting.id);
    t.equal(await docker.ended(waiting), 143);
    t.equal((await castle.leaseOf('busy'))?.container, holder.id);
  });

  t.test(
    'after kill -9 and a restart, the castle keeps the leases of running containers and ends the others',
    async (t) => {
      const castle = await CastleOnHost.start(t);
      const container = await docker.start(t, image, castle.options('kept'));
      await docker.untilPrinted(container, /^controller: ready/);
      const before = await castle.leaseOf('kept');
      await castle.end('SIGKILL');
      t.equal(
        await docker.docker('exec', container.id, 'cat', `${home}/builds/1/log`),
        'build 1',
        'the data stays',
      );

      await castle.serve();
      t.same(await castle.leaseOf('kept'), before, 'the lease is the same');
      const rival = await docker.runToEnd(
        image,
        [...castle.options('kept'), '--env', 'CASTLE_TIMEOUT=2s'],
        [],
      );
      t.equal(rival.code, 75, rival.stderr);
      await docker.docker('stop', '--time', '60', container.id);
      await castle.untilFree('kept');

      const next = await docker.start(t, image, castle.options('kept'));
      await docker.untilPrinted(next, /^controller: found builds \[1\]$/);
      await docker.untilPrinted(next, /^controller: ready/);
      await castle.end('SIGKILL');
      await docker.docker('stop', '--time', '60', next.id);
      await castle.serve();
      await castle.untilFree('kept');
      t.pass('the lease of a container that ended while no castle was running ends at the next start');
    },
  );

  t.test('JENKINS_HOME that is a symlink is refused', async (t) => {
    const castle = await CastleOnHost.start(t);
    const link = ['--entrypoint', 'sh', '--env', 'JENKINS_HOME=/tmp/home', ...castle.options('linked')];
    const script = `ln -s ${home} /tmp/home && exec bailey-init -- bailey jenkins`;
    const refused = await docker.runToEnd(image, link, ['-c', script]);
    t.equal(refused.code, 78, refused.stderr);
    t.match(refused.stderr, /^bailey: .*\/tmp\/home.*symlink/m);
    t.equal(await castle.leaseOf('linked'), undefined);
  });

  t.test('without a castle the container ends with a message', async (t) => {
    const env = ['CASTLE_URL=unix:///run/castle/castle.sock', 'CASTLE_VOLUME=main', 'CASTLE_TIMEOUT=1s'];
    const alone = await docker.runToEnd(
      image,
      env.flatMap((setting) => ['--env', setting]),
      [],
    );
    t.equal(alone.code, 69, alone.stderr);
    t.match(alone.stderr, /^bailey: .*\/run\/castle\/castle\.sock/m);
  });

  t.test('20 containers at the same time each get their volume', async (t) => {
    const castle = await CastleOnHost.start(t);
    const names = Array.from({ length: 20 }, (_, index) => `crowd-${index}`);
    const crowd = await Promise.all(names.map((name) => docker.start(t, image, castle.options(name))));
    await Promise.all(crowd.map((container) => docker.untilPrinted(container, /^controller: ready/)));
    const leases = await castle.ask('leases');
    t.same(leases.filter(({ state }) => state === 'mounted').length, 20);
    for (const [index, { id }] of crowd.entries()) {
      t.equal(
        leases.find(({ container }) => container === id)?.volume,
        `crowd-${index}`,
        'each container has its own volume',
      );
    }
    await docker.docker('kill', ...crowd.map(({ id }) => id));
    await Promise.all(names.map((name) => castle.untilFree(name)));
  });
}
