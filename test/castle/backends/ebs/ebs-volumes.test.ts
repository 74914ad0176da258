/** Commands of the host's root for EBS volumes: delete, restore, grow, and castle devices. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AttachVolumeCommand } from '@aws-sdk/client-ec2';
import t from 'tap';
import type { Devices } from '../../../../src/protocol/contract.ts';
import { run } from '../../../kit/docker.ts';
import { temporaryFolder } from '../../../kit/images.ts';
import { program, requires, root } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';
import { Simulator } from '../../ec2-simulator/simulator.ts';
import type { CastleOnHost } from '../../kit/castle-on-host.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { ext4Grows, loopDevices } from '../loop/loop-host.ts';
import { ebsSetting, startOnInstance, untilDetached, volumeIn, volumesIn } from './ebs-host.ts';

t.setTimeout(0);

const order = (castle: CastleOnHost, ...args: readonly string[]) =>
  run(process.execPath, ['dist/castle.js', ...args, '--socket', castle.socket]);

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('mkfs.xfs'))) {
  t.test(
    'a deleted volume is kept, can be restored with its data, and is purged after the retention time',
    async (t) => {
      const ec2 = await Simulator.start(t, 'i-0a,i-0b');
      const castle = await startOnInstance(t, ec2, { options: ['--keep-deleted', '1h'] });
      const container = await TestContainer.start(t, castle);
      await container.lease('main');
      await container.write(join(container.home, 'data'), 'kept');
      t.match(await order(castle, 'volume', 'delete', 'main'), {
        code: 75,
        stderr: /is in use by container/,
      });
      await container.kill();
      await untilDetached(ec2);
      t.match(await order(castle, 'volume', 'delete', 'main'), { code: 0 });
      const deleted = await volumeIn(ec2, 'main');
      t.match(deleted.tags, { 'castle-state': 'deleted', 'castle-deleted': /^20/, Name: /\(deleted\)$/ });
      t.match(await order(castle, 'deleted'), { stdout: /main +ebs/ });

      const next = await TestContainer.start(t, castle);
      t.equal((await next.lease('main')).status, 201, 'a new volume with the same name can be created');
      t.equal((await volumesIn(ec2)).length, 2);
      t.match(await order(castle, 'volume', 'restore', 'main'), { code: 75 });
      await next.kill();
      await untilDetached(ec2);
      t.match(await order(castle, 'volume', 'delete', 'main'), { code: 0 });
      t.match(await order(castle, 'volume', 'restore', 'main'), { code: 0 });
      t.match(await order(castle, 'volume', 'delete', 'main'), { code: 0 });

      await castle.end('SIGKILL');
      castle.loseState();
      await castle.serve();
      t.equal(
        (await order(castle, 'deleted')).stdout.match(/main/g)?.length,
        2,
        'deleted volumes are found in EC2 after the state is lost',
      );
      await ec2
        .client()
        .send(new AttachVolumeCommand({ VolumeId: deleted.id, InstanceId: 'i-0b', Device: '/dev/xvdba' }));
      await castle.end('SIGTERM');
      const last = await startOnInstance(t, ec2, { state: castle.state, options: ['--keep-deleted', '1ms'] });
      await until(
        'the unattached volume is purged',
        async () => (await volumesIn(ec2)).length === 1 || undefined,
      );
      t.match(await volumesIn(ec2), [{ id: deleted.id }], 'the attached volume stays');
      await until('the event is emitted', () =>
        last
          .eventsNamed('volume.unresolved')
          .find((line) => /attached on instance i-0b/.test(String(line['message']))),
      );
    },
  );

  t.test('a volume grows while a container uses it, and never shrinks', async (t) => {
    const type = ext4Grows() ? 'ext4' : 'xfs';
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2, { ebs: `fs=${type}` });
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await container.write(join(container.home, 'data'), 'kept');
    const blocks = async () => Number((await container.run('stat', '-fc', '%b', container.home)).stdout);
    const before = await blocks();
    t.match(await order(castle, 'volume', 'grow', 'main', '2G'), { code: 0 });
    t.ok((await blocks()) > before * 1.9, 'the file system grows immediately');
    t.equal((await volumeIn(ec2, 'main')).sizeGiB, 2);
    t.match(await order(castle, 'volume', 'grow', 'main', '1G'), {
      code: 64,
      stderr: /cannot shrink/,
    });
    await ec2.set({ limits: { hoursBetweenModifications: 6 } });
    t.match(await order(castle, 'volume', 'grow', 'main', '3G'), { code: 75, stderr: /some hours/ });
    await ec2.set({ limits: { hoursBetweenModifications: 0 } });
    const lease = await castle.leaseOf('main');
    await container.call('DELETE', `/v1/leases/${lease?.id}`);
    await untilDetached(ec2);
    t.match(await order(castle, 'volume', 'grow', 'main', '3G'), { code: 0 });
    t.equal((await container.lease('main')).status, 201);
    t.ok((await blocks()) > before * 2.9, 'the file system grows at the next mount');
    t.equal(await container.read(join(container.home, 'data')), 'kept');
  });

  t.test('castle devices lists the disk of each volume, and is not permitted to containers', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    const container = await TestContainer.start(t, castle);
    t.match(await order(castle, 'devices'), { code: 0, stdout: 'no devices\n' });
    await container.lease('main');
    const { id } = await volumeIn(ec2, 'main');
    const { devices } = JSON.parse((await order(castle, 'devices', '--json')).stdout) as Devices;
    t.match(devices, [
      {
        ...{ volume: 'main', device: /\/nvme\d+n1$/, source: id, name: '/dev/xvdaa', state: 'attached' },
        ...{ sizeBytes: 2 ** 30, fileSystem: 'ext4', since: /^20/ },
      },
    ]);
    t.match(await order(castle, 'devices'), { stdout: new RegExp(`main .* ${id} .* 1G +ext4`) });
    t.equal((await container.call('GET', '/v1/devices')).status, 403);
  });

  t.test('volumes without a lease are detached at the start', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    t.match(await order(castle, 'volume', 'create', 'main'), { code: 0 });
    t.match(
      await volumeIn(ec2, 'main'),
      { attachment: { state: 'attached' } },
      'the volume is attached for its first mount',
    );
    const [one, two] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    await one.lease('one');
    await two.lease('two');
    await castle.end('SIGKILL');
    await one.kill();
    await castle.serve();
    await until('the volume without a lease is detached', async () => {
      const attached = (await volumesIn(ec2)).filter(({ attachment }) => attachment !== undefined);
      return attached.length === 1 ? attached : undefined;
    });
    t.match(
      await volumeIn(ec2, 'two'),
      { attachment: { state: 'attached' } },
      'a volume with a lease stays attached',
    );
    t.equal((await two.mounts(two.home)).length, 1);
  });

  t.test('while EC2 does not answer, a castle starts and keeps the mounts of containers', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2, { ebs: 'max=8' });
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await castle.end('SIGKILL');
    await ec2.fault({ kind: 'error', code: 'UnauthorizedOperation', status: 403 });
    await castle.serve();
    t.match(await castle.ask('leases'), [{ volume: 'main' }]);
    const other = await TestContainer.start(t, castle);
    const refused = await other.lease('other');
    t.match(refused, { status: 503, body: { error: { message: /UnauthorizedOperation/ } } });
    await ec2.clearFaults();
    t.equal((await container.lease('main')).status, 200);
    t.equal((await other.lease('other')).status, 201);
  });

  t.test('the doctor checks the metadata service and EC2, and reports what is missing', async (t) => {
    const ec2 = await Simulator.start(t);
    const doctor = (backend: string) =>
      run(process.execPath, ['dist/castle.js', 'doctor', '--runtime', 'process', '--backend', backend], {
        env: { ...process.env, AWS_ACCESS_KEY_ID: 'AKIASIMULATOR', AWS_SECRET_ACCESS_KEY: 'simulator' },
      });
    const { stdout } = await doctor(ebsSetting(ec2));
    t.match(stdout, /ok +instance: i-0a in eu-central-1a/);
    t.match(stdout, /ok +EC2: volumes in eu-central-1 can be described/);
    await ec2.fault({ kind: 'error', code: 'UnauthorizedOperation', status: 403 });
    t.match(
      (await doctor(ebsSetting(ec2))).stdout,
      /missing +EC2: volumes cannot be described: UnauthorizedOperation/,
    );
  });

  t.test('wrong settings of --backend are errors', async (t) => {
    const folder = temporaryFolder(t, 'wrong');
    mkdirSync(join(folder, 'run'));
    const serve = (backend: string) =>
      run(process.execPath, [
        ...['dist/castle.js', 'serve', '--runtime', 'process', '--socket', join(folder, 'run/c.sock')],
        ...['--state', join(folder, 'state'), '--backend', backend],
      ]);
    t.match(await serve('ebs,size=1500M'), { code: 64, stderr: /no option "size=1500M"/ });
    t.match(await serve('ebs,color=red'), { code: 64, stderr: /no option "color=red"/ });
    t.match(await serve('ebs=Über'), { code: 64, stderr: /is not a zone/ });
    t.match(await serve('ebs,metadata=http://127.0.0.1:9'), {
      code: 78,
      stderr: /does not identify this instance/,
    });
  });
}
