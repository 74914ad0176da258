import type { Call } from './actions/action.ts';
import { finishAttachment } from './actions/attach-volume.ts';
import { finishSnapshot } from './actions/create-snapshot.ts';
import { finishCreation } from './actions/create-volume.ts';
import { finishDetachment } from './actions/detach-volume.ts';
import { finishModification } from './actions/modify-volume.ts';
import type { Cloud } from './cloud/cloud.ts';
import { newId } from './cloud/ids.ts';
import { gibibyte, type Volume } from './cloud/records.ts';
import type { VolumeDevices } from './cloud/volume-devices.ts';

/** Restores what the program had before a restart: disks are attached again, and unfinished operations continue. */
export async function recoverAtStart(cloud: Cloud, devices: VolumeDevices): Promise<void> {
  for (const { id, state, attachment } of Object.values(cloud.state.current.volumes)) {
    if (state === 'deleting') {
      cloud.state.removeVolume(id);
      await cloud.disks.removeVolume(id);
    }
    const instance = cloud.instances.get(attachment?.instance ?? '');
    const shown = cloud.state.current.volumes[attachment?.ghost ?? id];
    if (attachment?.block === undefined || instance === undefined || shown === undefined) continue;
    await devices.attach(instance, attachment.device, shown, attachment.block);
  }
  // Only now, so that new attachments find the old names in use.
  for (const volume of Object.values(cloud.state.current.volumes)) resume({ cloud, devices }, volume);
  for (const { id, state } of Object.values(cloud.state.current.snapshots)) {
    if (state === 'pending') cloud.inBackground(`snapshot ${id}`, () => finishSnapshot({ cloud }, id));
  }
}

function resume(
  call: Pick<Call, 'cloud' | 'devices'>,
  { id, state, attachment, modification }: Volume,
): void {
  const { cloud } = call;
  if (state === 'creating') cloud.inBackground(`create ${id}`, () => finishCreation(call, id));
  if (attachment?.state === 'attaching') {
    cloud.inBackground(`attach ${id}`, () => finishAttachment(call, id, attachment.key));
  }
  if (attachment?.state === 'detaching' || attachment?.state === 'busy') {
    cloud.inBackground(`detach ${id}`, () => finishDetachment(call, id, attachment.key, false));
  }
  if (modification?.state === 'modifying' || modification?.state === 'optimizing') {
    cloud.inBackground(`modify ${id}`, () => finishModification(call, id));
  }
}

/** Gives each instance a root volume, as if it had booted from it; it has the first device name. */
export async function addRootVolumes(cloud: Cloud, devices: VolumeDevices): Promise<void> {
  for (const instance of cloud.instances.values()) {
    const volumes = Object.values(cloud.state.current.volumes);
    if (
      volumes.some(
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
    const block = await devices.attach(instance, '/dev/xvda', root);
    cloud.state.putVolume({
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
