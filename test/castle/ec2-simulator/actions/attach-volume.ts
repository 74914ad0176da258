import { randomUUID } from 'node:crypto';
import type { Instance } from '../cloud/cloud.ts';
import type { Attachment, Volume } from '../cloud/records.ts';
import { Ec2Error } from '../wire/errors.ts';
import type { Action, Call } from './action.ts';
import { instanceOf, volumeOf } from './look-up.ts';
import { attachmentFields } from './volume-answers.ts';

export const attachVolume: Action = {
  names: ['VolumeId', 'InstanceId', 'Device', 'DryRun'],
  act(call) {
    const { cloud, parameters, subject } = call;
    const [id, device] = [parameters.required('InstanceId'), parameters.required('Device')];
    const volume = volumeOf(call);
    const instance = instanceOf(call, id);
    check(call, volume, instance, device);
    const stuck = cloud.faults.take('stuck-attaching', subject);
    const wrong = cloud.faults.take('wrong-device', subject);
    const none = cloud.faults.take('no-device', subject);
    const attachment: Attachment = {
      key: randomUUID(),
      instance: id,
      device,
      state: 'attaching',
      at: cloud.time,
      ...(wrong === undefined ? {} : { ghost: wrong.shows }),
    };
    cloud.state.putVolume({ ...volume, state: 'in-use', attachment });
    cloud.inBackground(`attach ${volume.id}`, async () => {
      if (stuck !== undefined && (stuck.ms === undefined || !(await cloud.wait(stuck.ms)))) return;
      if (await cloud.wait(cloud.settings.delaysMs.attach)) {
        await finishAttachment(call, volume.id, attachment.key, none === undefined);
      }
    });
    return attachmentFields(volume.id, attachment);
  },
};

/**
 * Finishes an attachment: makes the volume's disk visible in the instance.
 * @param key of the attachment: nothing happens if the volume has another attachment by now
 * @param isSeen false simulates a fault: the attachment succeeds, but the instance does not see the disk
 */
export function finishAttachment(
  call: Pick<Call, 'cloud' | 'devices'>,
  id: string,
  key: string,
  isSeen = true,
): Promise<void> {
  return call.devices.oneAtATime(id, () => plugIn(call, id, key, isSeen));
}

async function plugIn(
  { cloud, devices }: Pick<Call, 'cloud' | 'devices'>,
  id: string,
  key: string,
  isSeen: boolean,
): Promise<void> {
  const current = () => {
    const volume = cloud.state.current.volumes[id];
    return volume?.attachment?.key === key && volume.attachment.state === 'attaching' ? volume : undefined;
  };
  const volume = current();
  const instance = cloud.instances.get(volume?.attachment?.instance ?? '');
  if (volume?.attachment === undefined || instance === undefined) return;
  const shown = cloud.state.current.volumes[volume.attachment.ghost ?? id];
  const block =
    isSeen && shown !== undefined
      ? await devices.attach(instance, volume.attachment.device, shown)
      : undefined;
  const then = current();
  if (then?.attachment !== undefined) {
    const attachment = {
      ...then.attachment,
      state: 'attached',
      ...(block === undefined ? {} : { block }),
    } as const;
    cloud.state.putVolume({ ...then, attachment });
  } else if (block !== undefined && shown !== undefined && shown.id === id) {
    // The volume was detached while the device was created.
    await devices.detach(id);
  }
}

/** @throws Ec2Error when the volume cannot be attached to the instance under this device name */
function check({ cloud, seen, subject }: Call, volume: Volume, instance: Instance, device: string): void {
  if (volume.attachment !== undefined) {
    throw new Ec2Error('VolumeInUse', `${volume.id} is already attached to an instance`);
  }
  // A volume that an outdated view still shows as `creating` is refused as well.
  const state = seen.volumes[volume.id]?.state === 'creating' ? 'creating' : volume.state;
  if (state !== 'available') {
    throw new Ec2Error(
      'IncorrectState',
      `Volume '${volume.id}' is in the '${state}' state and is not 'available'.`,
    );
  }
  if (volume.zone !== instance.zone) {
    throw new Ec2Error(
      'InvalidVolume.ZoneMismatch',
      `The volume '${volume.id}' is not in the same availability zone as instance '${instance.id}'`,
    );
  }
  // The names that the EC2 User Guide gives for Linux: /dev/sd[b-z], /dev/xvd[b-c][a-z] and the like.
  if (!/^\/dev\/(sd[a-z]([1-9]|1[0-5])?|xvd[a-d]?[a-z])$/.test(device)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Value (${device}) for parameter device is invalid. ${device} is not a valid EBS device name.`,
    );
  }
  const there = Object.values(cloud.state.current.volumes).filter(
    ({ attachment }) => attachment?.instance === instance.id,
  );
  // Nitro numbers its disks itself. Xen shows sdf as xvdf, so these two names are the same device.
  const place = (name: string | undefined) => name?.replace('/dev/xvd', '/dev/sd');
  if (
    there.some(({ attachment }) => place(attachment?.device) === place(device)) ||
    cloud.faults.take('device-in-use', subject) !== undefined
  ) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Invalid value '${device}' for unixDevice. Attachment point ${device} is already in use`,
    );
  }
  if (there.length >= (cloud.settings.limits.attachments || instance.type.maximumAttachments)) {
    throw new Ec2Error(
      'AttachmentLimitExceeded',
      `Instance ${instance.id} has reached its limit of ${there.length} attached volumes`,
    );
  }
}
