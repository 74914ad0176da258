/** The caller is the process that connected, even if the connection is passed on or the process ends. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { cgroups } from '../../kit/cgroup.ts';
import { compile } from '../../kit/compile.ts';
import { program as have, type Need, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { FatalTools } from '../crash/fatal-tools.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { TlsCastle } from '../kit/tls-castle.ts';

const fuse = (): Need => (existsSync('/dev/fuse') ? undefined : 'needs /dev/fuse');

if (requires(t, root)) {
  const [program = ''] = compile(t, 'test/castle/identity/pass-on.c');

  t.test('a process that executes another program after connecting is still the caller', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const { stdout } = await container.run(program, 'exec', castle.socket, 'main', container.home);
    t.match(stdout, /^HTTP\/1\.1 201 /);
    t.equal((await container.mounts(container.home)).length, 1);
  });

  t.test('a request on a connection whose process has ended is refused', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const { stdout } = await container.run(program, 'fork', castle.socket, 'main', container.home);
    // The connection is closed if the process had ended before the castle accepted it; otherwise the request is refused.
    t.match(
      stdout,
      /^$|^HTTP\/1\.1 403 .*(has ended|ended during its request|cannot be placed|not visible)/s,
    );
    t.same(await castle.ask('leases'), []);
    t.same(await castle.ask('volumes'), []);
    t.same(await container.mounts(container.home), []);
  });

  t.test('a container that ends between its request and the mount gets nothing', async (t) => {
    if (!requires(t, fuse, have('openssl'))) return;
    const [mute] = compile(t, 'test/castle/mounting/mute-fuse.c');
    const tls = await TlsCastle.start(t, 'process', { options: ['--log-level', 'debug'] });
    const [first, second] = [
      await TestContainer.start(t, tls.castle),
      await TestContainer.start(t, tls.castle),
    ];
    const token = await tls.tokenOf(second, 'main');
    const [folder, ready] = [join(first.home, 'mute'), join(first.home, 'ready')];
    mkdirSync(folder);
    await first.run('mkfifo', ready);
    await first.run('sh', '-c', `${mute} ${folder} >${ready} 2>&1 & head -n 1 ${ready}`);
    const untilRequested = (times: number) =>
      until(
        `${times} requests have arrived`,
        () => tls.castle.eventsNamed('lease.requested').length === times || undefined,
      );
    // While this mount hangs, the next request for the volume waits; its caller has been identified already.
    const hanging = first.lease('main', join(folder, 'target')).catch(() => undefined);
    await untilRequested(1);
    const waiting = tls.lease(token, 'main', second.home);
    await untilRequested(2);
    await second.kill();
    await first.kill();
    await hanging;
    t.match(await waiting, {
      status: 403,
      body: { error: { message: /^container process-\d+ has ended$/ } },
    });
    await tls.castle.untilFree('main');
    t.notMatch(tls.castle.output, 'mount.created');
  });

  t.test('a container that ends while its volume is created gets nothing, and is no fault', async (t) => {
    if (!requires(t, loopDevices, have('openssl'), have('mkfs.ext4'))) return;
    const tools = new FatalTools(t);
    const { program, env } = tools;
    const tls = await TlsCastle.start(t, 'process', { loop: 'size=16M', program, env });
    const container = await TestContainer.start(t, tls.castle);
    const token = await tls.tokenOf(container, 'main');
    tools.order('mkfs.ext4', 1, 'hold');
    const answer = tls.lease(token, 'main', container.home);
    await tools.untilHeld();
    await container.kill();
    tools.letGo();
    t.match(await answer, {
      status: 403,
      body: { error: { code: 'not_permitted', message: /^container process-\d+ has ended$/ } },
    });
    t.same(tls.castle.eventsNamed('castle.fault'), []);
    await tls.castle.untilFree('main');
    t.same(await tls.castle.ask('volumes'), [], 'the new volume is removed');
  });

  t.test('mount points with symlinks or magic links of /proc are refused', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const beside = dirname(container.home);
    mkdirSync(join(beside, 'real'));
    symlinkSync('real', join(beside, 'link'));
    symlinkSync('/proc/1/root', join(beside, 'up'));
    // /proc/self is the process that opens it: the castle would open its own root.
    const targets = [
      `/proc/self/root${container.home}`,
      `/proc/1/root${container.home}`,
      `/proc/${process.pid}/root${container.home}`,
      `/proc/self/cwd`,
      `/proc/1/cwd`,
      `/proc/1/fd/0`,
      `/proc/thread-self/root${container.home}`,
      `/proc/1/task/1/root${container.home}`,
      `/dev/fd/3`,
      join(beside, 'link'),
      join(beside, `up${container.home}`),
    ];
    for (const target of targets) {
      const { status, body } = await container.lease('main', target);
      t.match({ status, code: body.error.code }, { status: 422, code: 'bad_target' }, target);
    }
    t.same(await castle.ask('leases'), []);
    t.same(await castle.ask('volumes'), []);
    t.equal((await container.lease('main')).status, 201);
  });

  t.test('a process of the host whose cgroup is named like a container is not accepted', async (t) => {
    if (!requires(t, cgroups('memory'))) return;
    // Without an engine the id cannot be verified. The process must not count as a process of the host, because its cgroup
    // name may be that of a container.
    const castle = await CastleOnHost.start(t, 'docker', { dockerSocket: '/nowhere/docker.sock' });
    const script = `
      for top in /sys/fs/cgroup/memory /sys/fs/cgroup; do
        if [ -e "$top/cgroup.procs" ]; then break; fi
      done
      folder=$top/bailey-$$/$1
      mkdir -p "$folder" && echo $$ >"$folder/cgroup.procs" || exit 1
      echo '{"call": ["GET", "/v1/volumes"]}' | "$2" test/castle/kit/test-container.mjs "$3"
      echo $$ >"$top/cgroup.procs" && rmdir "$folder" "$top/bailey-$$"`;
    const id = 'ab'.repeat(32);
    const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', id, process.execPath, castle.socket], {
      encoding: 'utf8',
    });
    t.match(stdout, /"status":503.*the container engine does not answer/, stderr);
  });
}
