import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesModificationsCommand,
  ModifyVolumeCommand,
} from '@aws-sdk/client-ec2';
import t from 'tap';
import { output } from '../../kit/docker.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { Account } from './account.ts';
import { MountedDisk } from './disk.ts';
import { Simulator } from './simulator.ts';

const device = '/dev/xvdba';

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test('a snapshot has the data of its moment, and so have volumes that are created from it', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const id = await account.available();
    const disk = await MountedDisk.mount(t, simulator, await account.attached(id, device, 'i-0a'), true);
    await disk.write('data', 'before');
    await simulator.set({ delaysMs: { snapshot: 60_000 } });
    const made = await account.client.send(
      new CreateSnapshotCommand({
        VolumeId: id,
        Description: 'of the test',
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'kept', Value: 'yes' }] }],
      }),
    );
    t.match(made, { State: 'pending', VolumeId: id, VolumeSize: 1, Progress: '0%' });
    await disk.write('data', 'after');
    await t.rejects(account.create({ SnapshotId: made.SnapshotId }), { name: 'IncorrectState' }, 'not yet');
    t.match(
      await account.client.send(
        new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'tag:kept', Values: ['y*'] }] }),
      ),
      { Snapshots: [{ SnapshotId: made.SnapshotId, State: 'pending', Description: 'of the test' }] },
    );
    await simulator.set({ delaysMs: { snapshot: 20 } });
    const later = await account.snapshot(id);
    await disk.unmount();
    // The first snapshot is still pending, and the restarted simulator completes it.
    await simulator.end('SIGKILL');
    await simulator.serve();
    const again = new Account(simulator);
    for (const [snapshot, text] of [
      [made.SnapshotId as string, 'before'],
      [later, 'after'],
    ] as const) {
      await until(`${snapshot} is completed`, async () => {
        const { Snapshots = [] } = await again.client.send(
          new DescribeSnapshotsCommand({ SnapshotIds: [snapshot] }),
        );
        return Snapshots[0]?.State === 'completed' || undefined;
      });
      const copy = await again.available({ SnapshotId: snapshot, Size: 2 });
      t.match(await again.describe(copy), { Size: 2, SnapshotId: snapshot });
      const mounted = await MountedDisk.mount(t, simulator, await again.attached(copy, '/dev/xvdbb', 'i-0a'));
      t.equal(mounted.read('data'), text);
      await mounted.unmount();
      await again.detached(copy);
      await again.client.send(new DeleteSnapshotCommand({ SnapshotId: snapshot }));
      await t.rejects(again.client.send(new DeleteSnapshotCommand({ SnapshotId: snapshot })), {
        name: 'InvalidSnapshot.NotFound',
      });
    }
  });

  t.test('a snapshot can fail, and the limits on snapshots apply', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const id = await account.available();
    const snapshot = () => account.client.send(new CreateSnapshotCommand({ VolumeId: id }));
    await simulator.fault({ kind: 'snapshot-fails', times: 1 });
    const { SnapshotId: failed } = await snapshot();
    await until('the operation has failed', async () => {
      const { Snapshots = [] } = await account.client.send(
        new DescribeSnapshotsCommand({ Filters: [{ Name: 'status', Values: ['error'] }] }),
      );
      return Snapshots[0]?.SnapshotId === failed || undefined;
    });
    await t.rejects(account.create({ SnapshotId: failed }), { name: 'IncorrectState' });
    await simulator.set({ limits: { secondsBetweenSnapshots: 3600 } });
    await t.rejects(snapshot(), { name: 'SnapshotCreationPerVolumeRateExceeded' });
    await simulator.set({
      limits: { secondsBetweenSnapshots: 0, concurrentSnapshots: 1 },
      delaysMs: { snapshot: 60_000 },
    });
    await snapshot();
    await t.rejects(snapshot(), { name: 'ConcurrentSnapshotLimitExceeded' });
    await simulator.set({ limits: { snapshots: 2 } });
    await t.rejects(snapshot(), { name: 'SnapshotLimitExceeded' });
  });

  t.test('a volume grows while its file system is mounted', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const id = await account.available();
    const block = await account.attached(id, device, 'i-0a');
    const disk = await MountedDisk.mount(t, simulator, block, true);
    await disk.write('data', 'kept');
    const modify = (Size: number) => account.client.send(new ModifyVolumeCommand({ VolumeId: id, Size }));
    const state = async () => {
      const asked = new DescribeVolumesModificationsCommand({ VolumeIds: [id] });
      return (await account.client.send(asked)).VolumesModifications?.[0];
    };
    await t.rejects(state(), { name: 'InvalidVolumeModification.NotFound' });
    await simulator.set({ delaysMs: { modify: 60_000 } });
    t.match(await modify(2), {
      VolumeModification: { ModificationState: 'modifying', OriginalSize: 1, TargetSize: 2 },
    });
    t.equal((await account.describe(id)).Size, 1, 'not yet');
    await t.rejects(modify(3), { name: 'IncorrectModificationState' });

    await simulator.end('SIGKILL');
    await simulator.serve();
    const again = new Account(simulator);
    const asked = new DescribeVolumesModificationsCommand({
      Filters: [{ Name: 'modification-state', Values: ['completed'] }],
    });
    await until('the growth is completed', async () => {
      const { VolumesModifications = [] } = await again.client.send(asked);
      return VolumesModifications[0]?.Progress === 100 || undefined;
    });
    t.equal((await again.describe(id)).Size, 2);
    const { host } = simulator.instance();
    t.equal(await output('blockdev', '--getsize64', join(host, 'dev', block)), String(2 * 2 ** 30));
    t.equal(readFileSync(join(host, 'sys/block', block, 'size'), 'utf8'), `${2 ** 22}\n`);
    t.equal(disk.read('data'), 'kept');

    const change = (Size: number) => again.client.send(new ModifyVolumeCommand({ VolumeId: id, Size }));
    await t.rejects(change(1), { name: 'InvalidParameterValue' }, 'a volume never shrinks');
    await simulator.set({ limits: { hoursBetweenModifications: 6 } });
    await t.rejects(change(3), { name: 'VolumeModificationRateExceeded' });
    await simulator.set({ limits: { hoursBetweenModifications: 0 } });
    await simulator.fault({ kind: 'modification-fails', times: 1 });
    await change(3);
    await until('the operation has failed', async () => {
      const { VolumesModifications = [] } = await again.client.send(
        new DescribeVolumesModificationsCommand({ VolumeIds: [id] }),
      );
      return VolumesModifications[0]?.ModificationState === 'failed' || undefined;
    });
    t.equal((await again.describe(id)).Size, 2);
    await disk.unmount();
  });
}
