/** All known faults of EC2: the operation succeeds after a retry or is refused, and no data is lost. */
import { join } from 'node:path';
import { AttachVolumeCommand } from '@aws-sdk/client-ec2';
import t from 'tap';
import type { Devices } from '../../../../src/protocol/contract.ts';
import { program, requires, root } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';
import { mostWithin, Simulator } from '../../ec2-simulator/simulator.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { loopDevices } from '../loop/loop-host.ts';
import { startOnInstance, untilDetached, volumeIn, volumesIn } from './ebs-host.ts';

t.setTimeout(0);

const refused = (code: string, sentence: RegExp, status = 503) => ({
  status,
  body: { error: { code, message: sentence } },
});

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test('throttled calls are retried, and each action is logged once', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    for (const action of ['CreateVolume', 'AttachVolume', 'DescribeVolumes', 'CreateTags']) {
      await ec2.fault({ kind: 'error', code: 'RequestLimitExceeded', status: 503, action, times: 2 });
    }
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    t.equal((await volumesIn(ec2)).length, 1);
    t.equal(await castle.metric('castle_ec2_calls_total{action="CreateVolume",outcome="throttled"}'), 2);
    t.equal(await castle.metric('castle_ec2_calls_total{action="CreateVolume",outcome="done"}'), 1);
    t.equal(castle.eventsNamed('ec2.throttled').length, 4, 'one event for each action');
  });

  t.test('requests of many containers are batched, and calls stay within the budget', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2, { ebs: 'batch=100ms,rate=20,poll=200ms' });
    await ec2.forgetCalls();
    const containers = await Promise.all(Array.from({ length: 6 }, () => TestContainer.start(t, castle)));
    const leases = await Promise.all(containers.map((container, n) => container.lease(`main-${n}`)));
    t.same(
      leases.map(({ status }) => status),
      leases.map(() => 201),
    );
    const calls = await ec2.calls();
    const describeCalls = calls.filter(({ action }) => action === 'DescribeVolumes').length;
    const created = calls.filter(({ action }) => action === 'CreateVolume').length;
    t.equal(created, 6);
    t.ok(describeCalls < 6 * 12, `${describeCalls} DescribeVolumes calls for six volumes`);
    t.ok(mostWithin(1_000, calls) <= 220, 'at most the budget of ten seconds within one second');
  });

  t.test('an attachment that hangs is aborted, and the next attempt uses another device name', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    const first = await TestContainer.start(t, castle);
    t.equal((await first.lease('main')).status, 201);
    await first.write(join(first.home, 'data'), 'kept');
    await first.kill();
    await untilDetached(ec2);
    await ec2.fault({ kind: 'stuck-attaching', times: 1 });
    const container = await TestContainer.start(t, castle);
    t.match(await container.lease('main'), refused('backend_failed', /is still attaching after/));
    await untilDetached(ec2);
    const { avoidedNames } = JSON.parse((await castle.get('/v1/devices')).text) as Devices;
    t.match(avoidedNames, [{ name: '/dev/xvdaa', reason: /did not complete/ }]);
    t.equal((await container.lease('main')).status, 201);
    t.match(await volumeIn(ec2, 'main'), { attachment: { device: '/dev/xvdab' } });
    t.equal(await container.read(join(container.home, 'data')), 'kept');
    t.match(castle.eventsNamed('device.name-avoided'), [
      { message: /\/dev\/xvdaa is not used for some time/ },
    ]);
  });

  t.test('a disk with another serial is never used as the volume', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    const first = await TestContainer.start(t, castle);
    t.equal((await first.lease('other')).status, 201);
    await first.write(join(first.home, 'data'), 'of the other');
    await first.kill();
    await untilDetached(ec2);
    const other = await volumeIn(ec2, 'other');
    await ec2.fault({ kind: 'wrong-device', shows: other.id, times: 1 });
    const container = await TestContainer.start(t, castle);
    t.match(
      await container.lease('main'),
      refused('backend_failed', /no disk of this host has the serial of vol-/),
    );
    t.equal((await volumesIn(ec2)).length, 1, 'the new volume is deleted again');
    await untilDetached(ec2);
    t.equal((await container.lease('other')).status, 201);
    t.equal(
      await container.read(join(container.home, 'data')),
      'of the other',
      'the wrong disk was not formatted',
    );
  });

  t.test('if the disk does not appear, the request fails and the new volume is deleted', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    await ec2.fault({ kind: 'no-device', times: 1 });
    const container = await TestContainer.start(t, castle);
    t.match(await container.lease('main'), refused('backend_failed', /no disk of this host/));
    t.same(await volumesIn(ec2), []);
    t.equal((await container.lease('main')).status, 201);
  });

  t.test('after a device name that is in use, the next name is tried', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    await ec2.fault({ kind: 'device-in-use', times: 2 });
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    t.match(await volumeIn(ec2, 'main'), { attachment: { device: '/dev/xvdac' } });
  });

  t.test('after a failed creation, the next attempt uses another client token', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    await ec2.fault({ kind: 'create-fails', times: 1 });
    await ec2.fault({ kind: 'create-fails', vanishes: true, times: 1 });
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    const volume = await volumeIn(ec2, 'main');
    t.match(volume.tags['castle-token'], /-3$/);
    t.equal(volume.tags['castle-state'], 'ready');
  });

  t.test('a lost response leads to no second volume or attachment', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    for (const action of ['CreateVolume', 'AttachVolume', 'CreateTags', 'DetachVolume']) {
      await ec2.fault({ kind: 'lost-answer', action, times: 1 });
    }
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    t.equal((await volumesIn(ec2)).length, 1);
    await container.write(join(container.home, 'data'), 'kept');
    await container.kill();
    await untilDetached(ec2);
    const next = await TestContainer.start(t, castle);
    t.equal((await next.lease('main')).status, 201);
    t.equal(await next.read(join(next.home, 'data')), 'kept');
  });

  t.test('outdated responses of EC2 are tolerated', async (t) => {
    const ec2 = await Simulator.start(t);
    await ec2.set({ lag: { ms: 150, probability: 0.7 } });
    const castle = await startOnInstance(t, ec2);
    for (let round = 0; round < 3; round++) {
      const container = await TestContainer.start(t, castle);
      await until('the container has its volume', async () => {
        const { status } = await container.lease('main');
        return status === 201 || undefined;
      });
      await container.write(join(container.home, 'data'), String(round));
      t.equal(await container.read(join(container.home, 'data')), '012'.slice(0, round + 1));
      await container.kill();
      await castle.untilFree('main');
    }
    t.equal((await volumesIn(ec2)).length, 1);
  });

  t.test('a vanished volume is reported, and not replaced by a new one', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    await container.kill();
    await untilDetached(ec2);
    await ec2.vanish((await volumeIn(ec2, 'main')).id);
    const next = await TestContainer.start(t, castle);
    // For some time after the creation, the castle relies on its own record, since responses of EC2 may be outdated.
    const answer = await until('the castle reports the missing volume', async () => {
      const answer = await next.lease('main');
      t.equal(answer.status, 503);
      return /is missing from/.test(answer.body.error.message) ? answer : undefined;
    });
    t.match(answer, refused('backend_failed', /is missing from the EBS volumes/));
    t.same(await volumesIn(ec2), []);
  });

  t.test('limits of the account and of the instance are reported', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2, { ebs: 'max=1' });
    const [one, two] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    t.equal((await one.lease('one')).status, 201);
    t.match(await two.lease('two'), refused('backend_failed', /already has 1 volumes, which is its limit/));
    t.equal((await volumesIn(ec2)).length, 1, 'the new volume is deleted again');
    await one.kill();
    await untilDetached(ec2);
    await ec2.set({ limits: { volumes: 2 } });
    t.match(await two.lease('two'), refused('backend_failed', /VolumeLimitExceeded/));
    t.equal((await two.lease('one')).status, 201, 'an existing volume can be attached');
  });

  t.test(
    'a volume on another instance is refused with the id of the instance, and stays attached there',
    async (t) => {
      const ec2 = await Simulator.start(t, 'i-0a,i-0b');
      const castle = await startOnInstance(t, ec2);
      const container = await TestContainer.start(t, castle);
      t.equal((await container.lease('main')).status, 201);
      await container.kill();
      await untilDetached(ec2);
      const { id } = await volumeIn(ec2, 'main');
      await ec2
        .client()
        .send(new AttachVolumeCommand({ VolumeId: id, InstanceId: 'i-0b', Device: '/dev/xvdba' }));
      const next = await TestContainer.start(t, castle);
      const answer = await next.lease('main');
      t.match(answer, refused('volume_in_use', /on instance i-0b/, 409));
      t.equal(answer.body.error.holder, 'i-0b');
      t.match(await volumeIn(ec2, 'main'), { attachment: { instance: 'i-0b' } });
    },
  );

  t.test('a volume that EC2 does not detach stays attached, and an event reports it', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    await ec2.fault({ kind: 'stuck-detaching', times: 1 });
    await container.kill();
    await until('the event is emitted', () => castle.eventsNamed('device.busy').length > 0 || undefined);
    t.match(castle.eventsNamed('device.busy'), [{ volume: 'main', message: /EC2 does not detach it/ }]);
  });
}
