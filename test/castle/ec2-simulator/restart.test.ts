import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { loopDevices, loopsOf, untilNoLoops } from '../backends/loop/loop-host.ts';
import { Account } from './account.ts';
import { MountedDisk } from './disk.ts';
import { Simulator } from './simulator.ts';

t.test('a wrong command line is an error', async (t) => {
  for (const [args, words] of [
    [[], /--folder is missing/],
    [['--folder', '/nonexistent', '--instances', 'a'], /an id is i-/],
    [['--folder', '/nonexistent', '--instances', 'i-a=x1'], /no type x1/],
    [['--folder', '/nonexistent', '--port', 'x'], /is no port/],
    [['--fast'], /--fast/],
  ] as const) {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['build/test/castle/ec2-simulator/main.js', ...args],
      {
        encoding: 'utf8',
      },
    );
    t.equal(status, 64);
    t.match(stderr, words);
    t.match(stderr, /usage/);
  }
});

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    t.test(
      `after ${signal} no loop device of an unmounted disk is left, and the restarted simulator has all volumes`,
      async (t) => {
        const simulator = await Simulator.start(t, 'i-a,i-b');
        const volumes = join(simulator.folder, 'volumes');
        const account = new Account(simulator);
        const id = await account.available({ ClientToken: 'main' });
        const block = await account.attached(id, '/dev/xvdba', 'i-a');
        const disk = await MountedDisk.mount(t, simulator, block, true);
        await disk.write('data', 'kept');
        t.equal(loopsOf(volumes).length, 3);
        t.equal(await simulator.end(signal), signal === 'SIGTERM' ? 0 : undefined);
        t.same(
          loopsOf(volumes).map((loop) => loop.split(' ')[1]),
          [id],
          'only the loop device of the mounted disk is left',
        );
        await disk.write('more', 'kept');
        await simulator.serve();
        const next = new Account(simulator);
        t.equal(loopsOf(volumes).length, 3, 'the loop device of the mounted disk is adopted');
        t.match(await next.describe(id), {
          State: 'in-use',
          Attachments: [{ State: 'attached', InstanceId: 'i-a' }],
        });
        t.equal(await next.create({ ClientToken: 'main' }), id);
        t.same(readdirSync(join(simulator.instance('i-a').host, 'dev')).sort(), ['nvme0n1', block]);
        await next.detach(id);
        await next.untilAttachment(id, 'busy');
        await disk.unmount();
        await next.untilState(id, 'available');
        const again = await MountedDisk.mount(
          t,
          simulator,
          await next.attached(id, '/dev/xvdba', 'i-b'),
          false,
          'i-b',
        );
        t.equal(again.read('more'), 'kept');
        await again.unmount();
        await simulator.end(signal);
        await untilNoLoops(volumes);
      },
    );
  }

  t.test('the metadata service returns the identity of its instance only with a token', async (t) => {
    const simulator = await Simulator.start(t, 'i-a,i-b=t2.micro');
    const get = async (instance: string, path: string, headers: Record<string, string>) => {
      const answer = await fetch(`${simulator.instance(instance).metadata}/latest/${path}`, { headers });
      return answer.ok ? answer.text() : answer.status;
    };
    const ask = (instance: string, ttl: string) =>
      fetch(`${simulator.instance(instance).metadata}/latest/api/token`, {
        method: 'PUT',
        headers: { 'X-aws-ec2-metadata-token-ttl-seconds': ttl },
      });
    t.equal((await ask('i-a', '0')).status, 400);
    const token = { 'X-aws-ec2-metadata-token': await (await ask('i-b', '60')).text() };
    t.equal(await get('i-b', 'meta-data/instance-id', {}), 401);
    t.equal(await get('i-a', 'meta-data/instance-id', token), 401, 'the token of another instance');
    t.equal(await get('i-b', 'meta-data/instance-id', token), 'i-b');
    t.equal(await get('i-b', 'meta-data/instance-type', token), 't2.micro');
    t.equal(await get('i-b', 'meta-data/placement/availability-zone', token), 'eu-central-1a');
    t.equal(await get('i-b', 'meta-data/iam/security-credentials/', token), 'castle');
    t.equal(await get('i-b', 'meta-data/nothing', token), 404);
    t.equal(await get('i-b', 'meta-data/instance-id', { ...token, 'X-Forwarded-For': '10.0.0.1' }), 403);
  });
}
