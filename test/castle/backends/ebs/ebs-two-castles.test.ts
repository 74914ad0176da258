/** Two hosts of one cluster: each volume is attached to at most one host, and a refusal names that host. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';
import { Simulator } from '../../ec2-simulator/simulator.ts';
import type { CastleOnHost } from '../../kit/castle-on-host.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { loopDevices } from '../loop/loop-host.ts';
import { startOnInstance, untilDetached, volumeIn, volumesIn } from './ebs-host.ts';

t.setTimeout(0);

async function twoHosts(t: Test): Promise<{
  readonly ec2: Simulator;
  readonly hosts: readonly { readonly castle: CastleOnHost; readonly container: TestContainer }[];
}> {
  const ec2 = await Simulator.start(t, 'i-0a,i-0b');
  const hosts = await Promise.all(
    ['i-0a', 'i-0b'].map(async (instance) => {
      const castle = await startOnInstance(t, ec2, { instance });
      return { castle, container: await TestContainer.start(t, castle) };
    }),
  );
  return { ec2, hosts };
}

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test('a volume moves from host to host with its data', async (t) => {
    const { ec2, hosts } = await twoHosts(t);
    const [a, b] = hosts as [(typeof hosts)[0], (typeof hosts)[0]];
    t.equal((await a.container.lease('main')).status, 201);
    await a.container.write(join(a.container.home, 'data'), 'from a');
    const refused = await b.container.lease('main');
    t.match(refused, { status: 409, body: { error: { code: 'volume_in_use', holder: 'i-0a' } } });
    await a.container.kill();
    await until(
      'host b has the volume',
      async () => (await b.container.lease('main')).status === 201 || undefined,
    );
    t.equal(await b.container.read(join(b.container.home, 'data')), 'from a');
    t.match(await volumeIn(ec2, 'main'), { attachment: { instance: 'i-0b' } });
    t.match(
      await b.castle.ask('volumes'),
      [{ id: (await a.castle.ask('volumes'))[0]?.id }],
      'both hosts use the same volume',
    );
  });

  t.test(
    'when both create the same volume at the same time, one volume is created, and one host gets it',
    async (t) => {
      const { ec2, hosts } = await twoHosts(t);
      for (const name of ['one', 'two', 'three']) {
        const answers = await Promise.all(hosts.map(({ container }) => container.lease(name)));
        t.same(
          answers.map(({ status }) => status).sort(),
          [201, 409],
          `${name}: one host has the volume; ${answers.map(({ body }) => body.error?.message)}`,
        );
        t.equal((await volumeIn(ec2, name)).tags['castle-state'], 'ready');
        for (const [n, { body, status }] of answers.entries()) {
          if (status !== 201) continue;
          const { container } = hosts[n] as (typeof hosts)[0];
          t.equal((await container.call('DELETE', `/v1/leases/${body.id}`)).status, 204);
        }
        await untilDetached(ec2);
      }
      t.equal((await volumesIn(ec2)).length, 3);
    },
  );

  t.test(
    'an incomplete volume is ignored by the other host, and deleted by the host that created it',
    async (t) => {
      const { ec2, hosts } = await twoHosts(t);
      const [a, b] = hosts as [(typeof hosts)[0], (typeof hosts)[0]];
      await ec2.fault({ kind: 'lost-request', action: 'CreateTags' });
      const making = a.container.lease('main');
      await until(
        'host a is creating the volume',
        async () => (await ec2.calls('CreateTags')).length > 0 || undefined,
      );
      await a.castle.end('SIGKILL');
      await making;
      await ec2.clearFaults();
      await b.castle.end('SIGTERM');
      await b.castle.serve();
      t.match(await b.container.lease('main'), {
        status: 409,
        body: { error: { code: 'busy', message: /being created by the castle on instance i-0a/ } },
      });
      t.equal((await volumeIn(ec2, 'main')).tags['castle-state'], 'creating');
      await a.castle.serve();
      t.same(await volumesIn(ec2), []);
      t.equal((await b.container.lease('main')).status, 201);
    },
  );
}
