/**
 * Snapshots and garbage of the backend ebs, through its interface: on the real disks of a simulated EC2, while the castle of
 * the volumes runs.
 */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import t from 'tap';
import { ebsBackend } from '../../../../src/castle/backends/ebs/backend.ts';
import { parseEbs } from '../../../../src/castle/backends/ebs/settings.ts';
import { createMounter } from '../../../../src/castle/mounting/mounter.ts';
import { createJournalReplay } from '../../../../src/castle/mounting/replay-journal.ts';
import type { Native } from '../../../../src/linux/native-addon.ts';
import { program, requires, root } from '../../../kit/needs.ts';
import { Simulator } from '../../ec2-simulator/simulator.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { loopDevices } from '../loop/loop-host.ts';
import { ebsSetting, startOnInstance, untilDetached, volumeIn, volumesIn } from './ebs-host.ts';

t.setTimeout(0);

/** A backend of an instance, created in the test process. */
async function backendOf(ec2: Simulator, options?: string) {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIASIMULATOR';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'simulator';
  const native = createRequire(import.meta.url)(resolve('dist/addon.node')) as Native;
  const messages: string[] = [];
  const emit = (message: string) => void messages.push(message);
  const [, setting = ''] = /^ebs(.*)$/.exec(ebsSetting(ec2, undefined, options)) ?? [];
  const mountProgram = resolve('dist/castle-mount');
  const backend = await ebsBackend(parseEbs(setting), {
    ...{ native, emit },
    mounter: createMounter(mountProgram),
    replay: createJournalReplay(mountProgram),
    onEc2Call: () => undefined,
  });
  const { snapshots } = backend;
  if (snapshots === null) throw new Error('the backend ebs takes no snapshots');
  return { backend, snapshots };
}

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('tune2fs'), program('xfs_admin'))) {
  for (const type of ['ext4', 'xfs'] as const) {
    t.test(`${type}: a snapshot is created once, and a volume restored from it has a new UUID`, async (t) => {
      const ec2 = await Simulator.start(t);
      const castle = await startOnInstance(t, ec2, { ebs: `fs=${type}` });
      const container = await TestContainer.start(t, castle);
      t.equal((await container.lease('main')).status, 201);
      await container.write(join(container.home, 'data'), 'before');
      await container.run('sync', '-f', container.home);
      const [main] = await castle.ask('volumes');
      if (main?.id === undefined) throw new Error('there is no volume');
      const { snapshots } = await backendOf(ec2);
      const id = randomUUID();
      const taken = new Date().toISOString();
      await ec2.fault({ kind: 'lost-answer', action: 'CreateSnapshot', times: 1 });
      const { completed: whole } = await snapshots.begin(main, id, taken);
      await (await snapshots.begin(main, id, taken)).completed;
      await whole;
      t.equal(
        Object.keys((await ec2.facts()).snapshots).length,
        1,
        'one snapshot, although it was requested twice and a response was lost',
      );
      t.match(await snapshots.list(), [{ id, volume: 'main', taken }]);
      await container.write(join(container.home, 'data'), ', after');

      const [snapshot] = await snapshots.list();
      if (snapshot === undefined) throw new Error('there is no snapshot');
      const wish = { name: 'copy', id: randomUUID(), owner: { uid: 0, gid: 0 } };
      await t.rejects(
        snapshots.createVolume({ ...snapshot, id: randomUUID() }, wish),
        { code: 'not_found' },
        'a restore from an unknown snapshot fails',
      );
      await snapshots.createVolume(snapshot, { ...wish, sizeBytes: 2 * 2 ** 30 });
      t.match(await volumeIn(ec2, 'copy'), {
        sizeGiB: 2,
        tags: { 'castle-id': wish.id, 'castle-state': 'ready', 'castle-fs': type },
      });
      const other = await TestContainer.start(t, castle);
      t.equal(
        (await other.lease('copy')).status,
        201,
        'the restored volume can be mounted while its original is mounted',
      );
      t.equal(await other.read(join(other.home, 'data')), 'before');
      t.equal(await container.read(join(container.home, 'data')), 'before, after');
      await snapshots.remove(id);
      t.same(await snapshots.list(), []);
    });
  }

  t.test('a failed snapshot is reported', async (t) => {
    const ec2 = await Simulator.start(t);
    const castle = await startOnInstance(t, ec2);
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    const [main] = await castle.ask('volumes');
    if (main?.id === undefined) throw new Error('there is no volume');
    const { snapshots } = await backendOf(ec2);
    await ec2.fault({ kind: 'snapshot-fails', times: 1 });
    const { completed: whole } = await snapshots.begin(main, randomUUID(), new Date().toISOString());
    await t.rejects(whole, { code: 'backend_failed' });
    await container.kill();
    await untilDetached(ec2);
  });

  t.test(
    'garbage contains an unmounted disk, and never a volume that may belong to another castle',
    async (t) => {
      const ec2 = await Simulator.start(t);
      const castle = await startOnInstance(t, ec2);
      const container = await TestContainer.start(t, castle);
      await container.lease('used');
      await castle.post('/v1/volumes', { name: 'idle', uid: 0, gid: 0 });
      const { backend } = await backendOf(ec2);
      const garbage = await backend.findGarbage(() => false);
      const { id } = await volumeIn(ec2, 'idle');
      t.match(garbage, [{ kind: 'device', name: new RegExp(id), reason: 'its volume is not in use' }]);
      t.equal(garbage.length, 1);
      t.equal(await garbage[0]?.remove(), true);
      t.equal((await volumeIn(ec2, 'idle')).attachment, undefined);
      t.equal((await volumesIn(ec2)).length, 2);
    },
  );
}
