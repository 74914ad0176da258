import type { Call } from './actions/action.ts';
import { finishAttachment } from './actions/attach-volume.ts';
import { finishSnapshot } from './actions/create-snapshot.ts';
import { finishCreation } from './actions/create-volume.ts';
import { finishDetachment } from './actions/detach-volume.ts';
import { finishModification } from './actions/modify-volume.ts';
import type { Cloud } from './cloud/cloud.ts';
import { newId } from './cloud/ids.ts';
import type { Plugging } from './cloud/plugging.ts';
import { gibibyte, type Volume } from './cloud/records.ts';

/** Takes up what an earlier life of the program has left: disks are in their instances again, and what was begun goes on. */
export async function revive(cloud: Cloud, plugging: Plugging): Promise<void> {
  for (const { id, state, attachment } of Object.values(cloud.memory.now.volumes)) {
    if (state === 'deleting') {
      cloud.memory.forget(id);
      await cloud.disks.removeVolume(id);
    }
    const instance = cloud.instances.get(attachment?.instance ?? '');
    const shown = cloud.memory.now.volumes[attachment?.ghost ?? id];
    if (attachment?.block === undefined || instance === undefined || shown === undefined) continue;
    await plugging.plug(instance, attachment.device, shown, attachment.block);
  }
  // Only now: what is attached from here on must find the old names taken.
  for (const volume of Object.values(cloud.memory.now.volumes)) resume({ cloud, plugging }, volume);
  for (const { id, state } of Object.values(cloud.memory.now.snapshots)) {
    if (state === 'pending') cloud.later(`snapshot ${id}`, () => finishSnapshot({ cloud }, id));
  }
}

function resume(
  call: Pick<Call, 'cloud' | 'plugging'>,
  { id, state, attachment, modification }: Volume,
): void {
  const { cloud } = call;
  if (state === 'creating') cloud.later(`create ${id}`, () => finishCreation(call, id));
  if (attachment?.state === 'attaching') {
    cloud.later(`attach ${id}`, () => finishAttachment(call, id, attachment.key));
  }
  if (attachment?.state === 'detaching' || attachment?.state === 'busy') {
    cloud.later(`detach ${id}`, () => finishDetachment(call, id, attachment.key, false));
  }
  if (modification?.state === 'modifying' || modification?.state === 'optimizing') {
    cloud.later(`modify ${id}`, () => finishModification(call, id));
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
