import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeInstancesCommand, DetachVolumeCommand } from '@aws-sdk/client-ec2';
import t from 'tap';
import { output } from '../../kit/docker.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { loopDevices, loopsOf } from '../backends/loop/loop-host.ts';
import { Account } from './account.ts';
import { MountedDisk } from './disk.ts';
import { Simulator } from './simulator.ts';

const device = '/dev/xvdba';

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test('an attached volume is a disk with its serial number, and its data moves with it', async (t) => {
    const simulator = await Simulator.start(t, 'i-a,i-b');
    const account = new Account(simulator);
    const id = await account.available();
    t.match(await account.attach(id, device, 'i-a'), { State: 'attaching', Device: device });
    await account.untilAttachment(id, 'attached');
    const { host } = simulator.instance('i-a');
    t.equal(readFileSync(join(host, 'sys/block/nvme1n1/device/serial'), 'utf8').trim(), id.replace('-', ''));
    t.equal(readFileSync(join(host, 'sys/block/nvme1n1/size'), 'utf8'), `${2 ** 21}\n`);
    const node = statSync(join(host, 'dev/nvme1n1'));
    t.ok(node.isBlockDevice());
    const number = `${node.rdev >> 8}:${node.rdev & 255}\n`;
    t.equal(readFileSync(join(host, 'sys/block/nvme1n1/dev'), 'utf8'), number);
    t.same(
      readdirSync(join(simulator.instance('i-b').host, 'dev')),
      ['nvme0n1'],
      'the other instance has only its root volume',
    );
    const { Reservations: [{ Instances: [shown] = [] } = {}] = [] } = await account.client.send(
      new DescribeInstancesCommand({ InstanceIds: ['i-a'] }),
    );
    t.match(shown?.BlockDeviceMappings, [
      { DeviceName: '/dev/xvda' },
      { DeviceName: device, Ebs: { VolumeId: id, Status: 'attached' } },
    ]);

    const disk = await MountedDisk.mount(t, simulator, 'nvme1n1', true);
    await disk.write('data', 'kept');
    await t.rejects(account.attach(id, device, 'i-b'), { name: 'VolumeInUse' });
    await account.detach(id);
    await account.untilAttachment(id, 'busy');
    t.equal((await account.describe(id)).State, 'in-use', 'a mounted volume stays attached');
    await disk.write('more', 'kept as well');
    await disk.unmount();
    await account.untilState(id, 'available');
    t.same(readdirSync(join(host, 'dev')), ['nvme0n1'], 'after the unmount the disk is gone');
    t.notOk(existsSync(join(host, 'sys/block/nvme1n1')));

    const block = await account.attached(id, device, 'i-b');
    const next = await MountedDisk.mount(t, simulator, block, false, 'i-b');
    t.equal(next.read('data') + next.read('more'), 'keptkept as well');
    await next.unmount();
    await account.detached(id);
    t.equal(loopsOf(join(simulator.folder, 'volumes')).length, 2, 'only the root volumes are left');
  });

  t.test(
    'a forced detach removes a mounted disk: its mount gets errors, and the next attachment has the flushed data',
    async (t) => {
      const simulator = await Simulator.start(t, 'i-a,i-b');
      const account = new Account(simulator);
      const id = await account.available();
      const disk = await MountedDisk.mount(t, simulator, await account.attached(id, device, 'i-a'), true);
      await disk.write('data', 'kept');
      await account.detach(id);
      await account.untilAttachment(id, 'busy');
      await account.detach(id, true);
      await account.untilState(id, 'available');
      await t.rejects(disk.write('late', 'lost'), 'writes to the old mount fail');
      const next = await MountedDisk.mount(
        t,
        simulator,
        await account.attached(id, device, 'i-b'),
        false,
        'i-b',
      );
      t.equal(next.read('data'), 'kept');
      t.throws(() => next.read('late'), { code: 'ENOENT' });
      await next.unmount();
      await disk.unmount();
      await output('e2fsck', '-fn', join(simulator.folder, 'volumes', id));
    },
  );

  t.test('on an instance without Nitro a disk has the requested name and no serial number', async (t) => {
    const simulator = await Simulator.start(t, 'i-old=t2.micro');
    const account = new Account(simulator);
    const { host } = simulator.instance();
    t.equal(await account.attached(await account.available(), '/dev/sdf', 'i-old'), 'xvdf');
    t.equal(await account.attached(await account.available(), device, 'i-old'), 'xvdba');
    t.same(readdirSync(join(host, 'dev')).sort(), ['xvda', 'xvdba', 'xvdf']);
    t.notOk(existsSync(join(host, 'sys/block/xvdba/device/serial')));
    const third = await account.available();
    await t.rejects(account.attach(third, '/dev/xvdf', 'i-old'), {
      name: 'InvalidParameterValue',
      message: /already in use/,
    });
  });

  t.test("an attachment or detachment that is impossible is refused with EC2's error code", async (t) => {
    const simulator = await Simulator.start(t, 'i-a,i-b');
    const account = new Account(simulator);
    const id = await account.available();
    const elsewhere = await account.available({ AvailabilityZone: 'eu-central-1b' });
    const refused = async (name: string, asked: Promise<unknown>) => t.rejects(asked, { name }, name);
    await refused('InvalidVolume.NotFound', account.attach('vol-0123456789abcdef0', device, 'i-a'));
    await refused('InvalidVolumeID.Malformed', account.attach('vol-xyz', device, 'i-a'));
    await refused('InvalidInstanceID.NotFound', account.attach(id, device, 'i-c'));
    await refused('InvalidInstanceID.Malformed', account.attach(id, device, 'instance'));
    await refused('InvalidParameterValue', account.attach(id, '/dev/foo', 'i-a'));
    await refused('InvalidVolume.ZoneMismatch', account.attach(elsewhere, device, 'i-a'));
    await refused('IncorrectState', account.detach(id));
    await simulator.set({ delaysMs: { create: 60_000 } });
    await refused('IncorrectState', account.attach(await account.create(), device, 'i-a'));
    await simulator.set({ delaysMs: { create: 0 }, limits: { attachments: 2 } });
    await account.attached(id, device, 'i-a');
    const more = await account.available();
    await refused('InvalidParameterValue', account.attach(more, device, 'i-a'));
    await refused('AttachmentLimitExceeded', account.attach(more, '/dev/xvdbb', 'i-a'));
    await refused(
      'InvalidAttachment.NotFound',
      account.client.send(new DetachVolumeCommand({ VolumeId: id, InstanceId: 'i-b' })),
    );
    const rootVolume = Object.values((await simulator.facts()).volumes)[0]?.id as string;
    await refused('OperationNotPermitted', account.detach(rootVolume));
  });

  t.test('each attachment fault happens as requested and ends when it is removed', async (t) => {
    const simulator = await Simulator.start(t, 'i-a');
    const account = new Account(simulator);
    const [first, second] = [await account.available(), await account.available()];
    const nodes = () => readdirSync(join(simulator.instance().host, 'dev')).sort();

    await simulator.fault({ kind: 'stuck-attaching', times: 1 });
    await account.attach(first, device, 'i-a');
    // A later attachment finishes first, which shows that this one does not merely take longer.
    await account.attached(second, '/dev/xvdbb', 'i-a');
    t.equal((await account.describe(first)).Attachments?.[0]?.State, 'attaching');
    t.same(nodes(), ['nvme0n1', 'nvme1n1']);
    await account.detached(first);

    await simulator.fault({ kind: 'stuck-attaching', ms: 300, times: 1 });
    t.ok(
      await account.attached(first, device, 'i-a'),
      'the attachment continues after the time of the fault',
    );
    await account.detached(first);

    await simulator.fault({ kind: 'no-device', volume: first, times: 1 });
    await account.attached(first, device, 'i-a');
    t.same(nodes(), ['nvme0n1', 'nvme1n1'], 'EC2 reports the attachment, but the disk is missing');
    await account.detached(first);

    await simulator.fault({ kind: 'wrong-device', shows: second, times: 1 });
    const block = await account.attached(first, device, 'i-a');
    const serial = readFileSync(join(simulator.instance().host, 'sys/block', block, 'device/serial'), 'utf8');
    t.equal(
      serial.trim(),
      second.replace('-', ''),
      'EC2 reports the attachment, but the disk is that of another volume',
    );
    await account.detached(first);
    t.equal(
      (await account.describe(second)).Attachments?.[0]?.State,
      'attached',
      'the first volume keeps the device name',
    );
    t.same(nodes(), ['nvme0n1', 'nvme1n1']);

    const withdraw = await simulator.fault({ kind: 'device-in-use', instance: 'i-a' });
    const inUse = { name: 'InvalidParameterValue', message: /already in use/ };
    await t.rejects(account.attach(first, device, 'i-a'), inUse);
    await t.rejects(
      account.attach(first, device, 'i-a'),
      inUse,
      'attaching fails until the fault is removed',
    );
    await withdraw();

    await account.attached(first, device, 'i-a');
    await simulator.fault({ kind: 'stuck-detaching', volume: first, times: 1 });
    await account.detach(first);
    await account.detached(second);
    t.equal(
      (await account.describe(first)).Attachments?.[0]?.State,
      'detaching',
      'the detachment stays in progress until it is forced',
    );
    await account.detach(first, true);
    await account.untilState(first, 'available');
    t.same(nodes(), ['nvme0n1']);
  });

  t.test(
    'a volume that is quickly attached and detached is on the instance of the last attachment',
    async (t) => {
      const simulator = await Simulator.start(t, 'i-a,i-b');
      await simulator.set({ delaysMs: { attach: 0, detach: 0 } });
      const account = new Account(simulator);
      const id = await account.available();
      for (let round = 0; round < 8; round += 1) {
        await account.attach(id, device, 'i-a');
        await account.detached(id);
        const block = await account.attached(id, device, 'i-b');
        t.ok(
          existsSync(join(simulator.instance('i-b').host, 'dev', block)),
          'the last instance has the device',
        );
        t.same(
          readdirSync(join(simulator.instance('i-a').host, 'dev')),
          ['nvme0n1'],
          'the other instance has none',
        );
        t.equal(loopsOf(join(simulator.folder, 'volumes')).length, 3);
        await account.detached(id);
      }
    },
  );

  t.test('the disk of a volume that vanishes is removed while in use', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const id = await account.available();
    const disk = await MountedDisk.mount(t, simulator, await account.attached(id, device, 'i-0a'), true);
    await simulator.vanish(id);
    await t.rejects(account.describe(id), { name: 'InvalidVolume.NotFound' });
    await t.rejects(disk.write('late', 'lost'));
    t.same(readdirSync(join(simulator.instance().host, 'dev')), ['nvme0n1']);
    await disk.unmount();
    await until(
      'the loop device is freed',
      () => loopsOf(join(simulator.folder, 'volumes')).length === 1 || undefined,
    );
  });
}
