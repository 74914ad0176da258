/** The backend nfs with the kernel's server and client, in the machine that scripts/test-nfs.sh boots. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Lease } from '../../../../src/protocol/contract.ts';
import { run } from '../../../kit/docker.ts';
import { temporaryFolder } from '../../../kit/images.ts';
import { until } from '../../../kit/until.ts';
import { CastleOnHost } from '../../kit/castle-on-host.ts';
import { mounted } from '../../kit/mounted.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { exportsFolder, Relay } from './server.ts';

const data = join(exportsFolder, 'data');

const castleOn = (t: Test, nfs = '127.0.0.1:/data', options: readonly string[] = []): Promise<CastleOnHost> =>
  CastleOnHost.start(t, 'process', { nfs, options });

/** Runs the castle command as the host's root. Starting a process is slow in this machine. */
const command = (castle: CastleOnHost, ...args: readonly string[]) =>
  run(process.execPath, ['dist/castle.js', 'volume', ...args, '--socket', castle.socket]);

const remove = (castle: CastleOnHost, volume: string) => castle.call('DELETE', `/v1/volumes/${volume}`);
const restore = (castle: CastleOnHost, volume: string) =>
  castle.call('POST', `/v1/volumes/${volume}/restore`);

/** Waits until the volume has no lease. */
const free = (castle: CastleOnHost, volume: string) =>
  until(`${volume} is free`, async () => {
    const leases = JSON.parse((await castle.get('/v1/leases')).text) as readonly Lease[];
    return leases.some((lease) => lease.volume === volume) ? undefined : true;
  });

/** Repeats the request until the castle grants it. */
const granted = (container: TestContainer, volume: string) =>
  until(`${volume} is leased`, async () =>
    (await container.lease(volume)).status === 201 ? true : undefined,
  );

/** A castle shared by the tests that do not need their own: each start takes seconds here. */
const castle = await castleOn(t);

t.test(
  'a volume is a folder of the export, moves from container to container, and is not mounted on the host',
  async (t) => {
    const first = await TestContainer.start(t, castle);
    t.match(await first.lease('main'), { status: 201, body: { state: 'mounted' } });
    const [line = ''] = await first.mounts(first.home);
    t.match(line, / - nfs4 127\.0\.0\.1:\/data\/main rw,vers=4\.2,.*hard,nosharecache/);
    t.match(line, /nosuid,nodev/);
    await first.write(join(first.home, 'file'), 'written by the first');
    t.equal(readFileSync(join(data, 'main', 'file'), 'utf8'), 'written by the first');
    t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), / - nfs4? /, 'the host has no such mount');
    t.match(await first.lease('main'), { status: 200 }, 'a repeated request returns the same lease');
    const second = await TestContainer.start(t, castle);
    t.match(await second.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
    await first.kill();
    await free(castle, 'main');
    await granted(second, 'main');
    t.equal(await second.read(join(second.home, 'file')), 'written by the first');
  },
);

t.test('a new volume has the requested owner', async (t) => {
  t.equal((await command(castle, 'create', 'owned', '--owner', '4242:4343')).code, 0);
  const { uid, gid, mode } = statSync(join(data, 'owned'));
  t.strictSame([uid, gid, mode & 0o7777], [4242, 4343, 0o755]);
  t.strictSame(
    readdirSync(join(data, '.claims')).filter((name) => name.includes('owned')),
    [],
    'the lease ends with its container',
  );
});

t.test('of two hosts with the same export, only one can use a volume at a time', async (t) => {
  const [one, other] = [await castleOn(t), await castleOn(t)];
  const [here, there] = [await TestContainer.start(t, one), await TestContainer.start(t, other)];
  const answers = await Promise.all([here.lease('shared'), there.lease('shared')]);
  t.strictSame(
    answers.map(({ status }) => status).sort(),
    [201, 409],
    'of two requests at the same time, one is granted',
  );
  const [winner, loser] = answers[0]?.status === 201 ? [here, there] : [there, here];
  const [has, waits] = winner === here ? [one, other] : [other, one];
  const inUse = { status: 409, body: { error: { code: 'volume_in_use' } } };
  t.match(await loser.lease('shared'), inUse);
  await winner.write(join(winner.home, 'file'), 'one');

  t.comment('a killed castle keeps the lease of its container');
  await has.end('SIGKILL');
  t.match(await loser.lease('shared'), inUse);
  await has.serve();
  t.equal(has.eventsNamed('lease.adopted').length, 1);
  t.match(await loser.lease('shared'), inUse);

  t.comment('a container ends while its castle is not running');
  await has.end('SIGKILL');
  await winner.kill();
  // Both castles run on one kernel, so only when no process mounts the volume does the claim alone exclude the other
  // castle.
  const claimed = {
    status: 409,
    body: { error: { code: 'volume_in_use', holder: 'host host-a', remedy: /unlock shared --force/ } },
  };
  t.match(await loser.lease('shared'), claimed, 'the claim of a castle that may be alive is respected');
  t.match(
    await remove(waits, 'shared'),
    { status: 409, text: /in use on host host-a/ },
    'deletion is refused as well',
  );
  await has.serve();
  await granted(loser, 'shared');
  t.equal(await loser.read(join(loser.home, 'file')), 'one');

  t.comment('unlock gives the volume of a permanently lost host to another host');
  await waits.end('SIGKILL');
  const next = await TestContainer.start(t, has);
  t.equal(
    (await has.call('POST', '/v1/volumes/shared/unlock')).status,
    409,
    'a volume in use by a process of this host is never unlocked',
  );
  await loser.kill();
  t.match(await next.lease('shared'), claimed);
  t.equal((await command(has, 'unlock', 'shared')).code, 64, 'unlock without --force is a usage error');
  const unlocked = await command(has, 'unlock', 'shared', '--force');
  t.match(unlocked, { code: 0, stdout: /claim of host host-a on volume shared is discarded/ });
  t.equal((await next.lease('shared')).status, 201);
  t.equal(
    (await has.call('POST', '/v1/volumes/shared/unlock')).status,
    409,
    'a volume in use by this host is never unlocked',
  );
});

t.test('deleted volumes are kept on the export, visible to all its castles', async (t) => {
  const [one, other] = [await castleOn(t), await castleOn(t, undefined, ['--keep-deleted', '1ms'])];
  const container = await TestContainer.start(t, one);
  t.equal((await container.lease('gone')).status, 201);
  await container.write(join(container.home, 'file'), 'kept');
  t.equal((await remove(one, 'gone')).status, 409, 'a volume in use is not deleted');
  await container.kill();
  await free(one, 'gone');
  const host = temporaryFolder(t, 'host');
  const umount = mounted(
    t,
    host,
    '-t',
    'nfs4',
    '-i',
    '-o',
    'vers=4.2,addr=127.0.0.1',
    'localhost:/data/gone',
  );
  t.match(
    await remove(one, 'gone'),
    { status: 409, text: /is mounted on/ },
    'a volume mounted by another name of the server is not deleted',
  );
  umount();
  t.equal((await remove(one, 'gone')).status, 200);
  t.notOk(existsSync(join(data, 'gone')));
  t.equal((await restore(one, 'gone')).status, 204);
  t.equal(readFileSync(join(data, 'gone', 'file'), 'utf8'), 'kept');
  t.equal((await remove(one, 'gone')).status, 200);
  await other.end('SIGTERM');
  await other.serve();
  await until('the other castle purges it', () =>
    readdirSync(join(data, '.trash')).length + readdirSync(join(data, '.removing')).length === 0
      ? true
      : undefined,
  );
  t.equal((await restore(one, 'gone')).status, 503, 'the first castle reports that it no longer exists');
});

t.test('on a server that maps root to nobody (root_squash), a volume is refused with a remedy', async (t) => {
  const castle = await castleOn(t, '127.0.0.1:/squashed');
  const container = await TestContainer.start(t, castle);
  t.match(await container.lease('main'), {
    status: 503,
    body: {
      error: { message: /cannot be created on 127\.0\.0\.1:\/squashed: EPERM/, remedy: /no_root_squash/ },
    },
  });
  t.strictSame(
    readdirSync(join(exportsFolder, 'squashed')).filter((name) => !name.startsWith('.cl')),
    [],
  );
});

t.test(
  'on a server that maps all users to one (all_squash), volumes of other users are refused',
  async (t) => {
    const castle = await castleOn(t, '127.0.0.1:/one-owner');
    t.match(await command(castle, 'create', 'theirs', '--owner', '1000:1000'), { code: 0 });
    t.match(await command(castle, 'create', 'others', '--owner', '7:7'), {
      code: 69,
      stderr: /EPERM.*anonuid/,
    });
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('theirs')).status, 201);
  },
);

t.test('a server that does not answer delays only requests that need it', async (t) => {
  const relay = await Relay.start(t);
  const nfs = `127.0.0.1:/data,port=${relay.port}`;
  const castle = await castleOn(t, nfs);
  const [has, wants] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
  t.equal((await has.lease('before')).status, 201);
  await has.write(join(has.home, 'file'), 'before');
  relay.cut();
  const refusals = await Promise.all([
    wants.lease('after'),
    castle.status().then(({ leases }) => t.equal(leases, 1, 'the castle answers meanwhile')),
  ]);
  t.match(refusals[0], { status: 503, body: { error: { message: /does not answer/ } } });
  t.match(
    await has.lease('before'),
    { status: 200 },
    'a repeated request for a mounted volume needs no answer of the server',
  );
  await castle.end('SIGKILL');
  await castle.serve();
  t.ok(
    castle.eventsNamed('backend.unavailable').length > 0,
    'a castle starts without the server, and reports that it is unavailable',
  );
  t.equal(castle.eventsNamed('lease.adopted').length, 1, 'existing mounts are adopted');
  t.match(await wants.lease('after'), { status: 503 });
  relay.mend();
  await until(
    'the castle reconnects to the server',
    () => castle.eventsNamed('backend.available').length > 0 || undefined,
  );
  await granted(wants, 'after');
  t.equal(await has.read(join(has.home, 'file')), 'before');
  await has.write(join(has.home, 'file'), ' and after');
  t.equal(readFileSync(join(data, 'before', 'file'), 'utf8'), 'before and after');
  await Promise.all([has.kill(), wants.kill()]);
});

t.test('files and folders that are not volumes are not changed', async (t) => {
  writeFileSync(join(data, 'a-file'), 'mine');
  mkdirSync(join(data, 'by-hand'));
  const container = await TestContainer.start(t, castle);
  t.match(await container.lease('a-file'), { status: 503, body: { error: { message: /not a folder/ } } });
  t.match(await container.lease('owned', '/machine/nothing'), {
    status: 422,
    body: { error: { code: 'bad_target' } },
  });
  t.match(await container.lease('slip', '/machine/nothing'), { status: 422 });
  t.notOk(existsSync(join(data, 'slip')), 'a volume created for a failed mount is removed');
  t.equal((await container.lease('by-hand')).status, 201, 'a folder created by hand is a volume');
});

t.test('the doctor reports the NFS client and the server as working', async (t) => {
  const socket = join(temporaryFolder(t, 'doctor'), 'castle.sock');
  const doctor = (nfs: string) =>
    run(process.execPath, [
      'dist/castle.js',
      'doctor',
      '--runtime',
      'process',
      '--socket',
      socket,
      '--backend',
      `nfs=${nfs}`,
    ]);
  t.match((await doctor('127.0.0.1:/data')).stdout, /^ok .*NFS server: answers/m);
  t.match(await doctor('127.0.0.1:/nowhere'), {
    code: 1,
    stdout: /^missing .*NFS server: .*cannot be reached/m,
  });
  t.match(await doctor('127.0.0.1:/data,port=1'), { code: 1, stdout: /^missing .*NFS server/m });
});

t.teardown(() => execFileSync('sh', ['-c', 'dmesg | tail -n 5']));
