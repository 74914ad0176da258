import { join } from 'node:path';
import t from 'tap';
import { program, requires, root } from '../../../kit/needs.ts';
import { Simulator } from '../../ec2-simulator/simulator.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { loopDevices } from '../loop/loop-host.ts';
import { startOnInstance, untilDetached, volumeIn, volumesIn } from './ebs-host.ts';

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('mkfs.xfs'))) {
  for (const type of ['ext4', 'xfs'] as const) {
    t.test(
      `${type}: a volume moves from container to container; it is attached for a lease and detached after it`,
      async (t) => {
        const ec2 = await Simulator.start(t);
        const castle = await startOnInstance(t, ec2, { ebs: `fs=${type}` });
        const first = await TestContainer.start(t, castle);
        const given = await first.lease('main');
        t.match(given, { status: 201, body: { volume: 'main', state: 'mounted' } });
        const [mount = '', ...more] = await first.mounts(first.home);
        t.equal(more.length, 0);
        t.match(mount, new RegExp(` / ${first.home} rw,nosuid,nodev.* - ${type} .*/dev/nvme`));
        const volume = await volumeIn(ec2, 'main');
        const [{ id } = {}] = await castle.ask('volumes');
        t.match(volume, {
          sizeGiB: 1,
          type: 'gp3',
          attachment: { state: 'attached', device: '/dev/xvdaa' },
          tags: { castle: 'castle', 'castle-id': id, 'castle-state': 'ready', 'castle-fs': type },
        });
        await first.write(join(first.home, 'data'), 'kept');
        t.match(
          await first.lease('main'),
          { status: 200, body: { id: given.body.id } },
          'a repeated request returns the same lease',
        );
        const second = await TestContainer.start(t, castle);
        t.match(await second.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
        await first.kill();
        await castle.untilFree('main');
        t.equal((await second.lease('main')).status, 201);
        t.equal(
          await second.read(join(second.home, 'data')),
          'kept',
          'the data is there for the next container',
        );
        const lease = await castle.leaseOf('main');
        t.equal((await second.call('DELETE', `/v1/leases/${lease?.id}`)).status, 204);
        await untilDetached(ec2);
        t.equal((await volumesIn(ec2)).length, 1);
        t.match(await castle.ask('volumes'), [{ name: 'main', backend: 'ebs', state: 'ready' }]);
      },
    );
  }
}
