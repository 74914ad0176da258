/** Who asks is the process that connected, whatever becomes of it and of its connection. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { cgroups } from '../../kit/cgroup.ts';
import { compile } from '../../kit/compile.ts';
import { program as have, type Need, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { TlsCastle } from '../kit/tls-castle.ts';

const fuse = (): Need => (existsSync('/dev/fuse') ? undefined : 'needs /dev/fuse');

if (requires(t, root)) {
  const [program = ''] = compile(t, 'test/castle/identity/pass-on.c');

  t.test('a process that connects and then becomes another program is the same container', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const { stdout } = await container.run(program, 'exec', castle.socket, 'main', container.home);
    t.match(stdout, /^HTTP\/1\.1 201 /);
    t.equal((await container.mounts(container.home)).length, 1);
  });

  t.test('a connection whose process has ended counts for nobody, and no later process', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const { stdout } = await container.run(program, 'fork', castle.socket, 'main', container.home);
    // Closed at once, when it had ended before the castle looked at the connection; else refused.
    t.match(
      stdout,
      /^$|^HTTP\/1\.1 403 .*(has ended|ended while it was asking|cannot be placed|not visible)/s,
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
    const asked = (times: number) =>
      until(`${times} have asked`, () => tls.castle.told('lease.requested').length === times || undefined);
    // While its mount hangs, the next one for that volume waits, with its container known already.
    const hanging = first.lease('main', join(folder, 'target')).catch(() => undefined);
    await asked(1);
    const waiting = tls.lease(token, 'main', second.home);
    await asked(2);
    await second.kill();
    await first.kill();
    await hanging;
    t.match(await waiting, {
      status: 403,
      body: { error: { message: /^container process-\d+ has ended$/ } },
    });
    await tls.castle.untilFree('main');
    t.notMatch(tls.castle.said, 'mount.created');
  });

  t.test('mount points that lead elsewhere by links of any kind', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const beside = dirname(container.home);
    mkdirSync(join(beside, 'real'));
    symlinkSync('real', join(beside, 'link'));
    symlinkSync('/proc/1/root', join(beside, 'up'));
    // One that the castle itself would see as its own: /proc/self is whoever looks.
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

  t.test('a process of the host whose cgroup is called like a container is none', async (t) => {
    if (!requires(t, cgroups('memory'))) return;
    // No engine is there to ask: not even that would let it in as the host, which it would be without the name.
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
