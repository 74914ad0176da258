import type { Call } from './actions/action.ts';
import { finishAttachment } from './actions/attach-volume.ts';
import { finishSnapshot } from './actions/create-snapshot.ts';
import { finishCreation } from './actions/create-volume.ts';
import { finishDetachment } from './actions/detach-volume.ts';
import { finishModification } from './actions/modify-volume.ts';
import type { Cloud, Instance } from './cloud/cloud.ts';
import { newId } from './cloud/ids.ts';
import type { Plugging } from './cloud/plugging.ts';
import { type Attachment, gibibyte, type Volume } from './cloud/records.ts';

/** Takes up what an earlier life of the program has left: disks are in their instances again, and what was begun goes on. */
export async function revive(cloud: Cloud, plugging: Plugging): Promise<void> {
  const call = { cloud, plugging };
  for (const { id, state } of Object.values(cloud.memory.now.snapshots)) {
    if (state === 'pending') cloud.later(`snapshot ${id}`, () => finishSnapshot(call, id));
  }
  for (const volume of Object.values(cloud.memory.now.volumes)) {
    const { id, state, attachment, modification } = volume;
    const instance = cloud.instances.get(attachment?.instance ?? '');
    if (state === 'creating') cloud.later(`create ${id}`, () => finishCreation(call, id));
    if (state === 'deleting') {
      cloud.memory.forget(id);
      await cloud.disks.removeVolume(id);
    }
    if (attachment !== undefined && instance !== undefined) await replug(call, volume, attachment, instance);
    if (modification?.state === 'modifying' || modification?.state === 'optimizing') {
      cloud.later(`modify ${id}`, () => finishModification(call, id));
    }
  }
}

async function replug(
  call: Pick<Call, 'cloud' | 'plugging'>,
  { id }: Volume,
  attachment: Attachment,
  instance: Instance,
): Promise<void> {
  const { cloud, plugging } = call;
  if (attachment.block !== undefined) {
    const shown = cloud.memory.now.volumes[attachment.ghost ?? id];
    if (shown !== undefined) await plugging.plug(instance, attachment.device, shown, attachment.block);
  }
  if (attachment.state === 'attaching') {
    cloud.later(`attach ${id}`, () => finishAttachment(call, id, attachment.key));
  }
  if (attachment.state === 'detaching' || attachment.state === 'busy') {
    cloud.later(`detach ${id}`, () => finishDetachment(call, id, attachment.key, false));
  }
}

/** Each instance has a root volume, as it would have booted from; it takes the first name. */
export async function addRoots(cloud: Cloud, plugging: Plugging): Promise<void> {
  for (const instance of cloud.instances.values()) {
    const there = Object.values(cloud.memory.now.volumes);
    if (
      there.some(
        ({ attachment }) => attachment?.instance === instance.id && attachment.device === '/dev/xvda',
      )
    ) {
      continue;
    }
    const root: Volume = {
      ...{ id: newId('vol'), state: 'in-use', sizeGiB: 8, zone: instance.zone, type: 'gp3', iops: 3000 },
      ...{ throughput: 125, encrypted: false, created: cloud.time, tags: {} },
    };
    await cloud.disks.create(root.id, root.sizeGiB * gibibyte);
    const block = await plugging.plug(instance, '/dev/xvda', root);
    cloud.memory.put({
      ...root,
      attachment: {
        ...{
          key: root.id,
          instance: instance.id,
          device: '/dev/xvda',
          state: 'attached',
          at: cloud.time,
          block,
        },
      },
    });
  }
}
