import { randomUUID } from 'node:crypto';
import type { Attachment, Volume } from '../cloud/records.ts';
import { Ec2Error } from '../wire/errors.ts';
import type { Action, Call } from './action.ts';
import { instanceOf, volumeOf } from './look-up.ts';
import { attachmentFields } from './volume-answers.ts';

/** The interval of checks whether a disk is still in use, in milliseconds. */
const againMs = 50;

export const detachVolume: Action = {
  names: ['VolumeId', 'InstanceId', 'Device', 'Force', 'DryRun'],
  act(call) {
    const { cloud, parameters, subject } = call;
    const volume = volumeOf(call);
    const { attachment } = volume;
    if (attachment === undefined) {
      throw new Ec2Error('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`);
    }
    const [instance, device] = [parameters.text('InstanceId'), parameters.text('Device')];
    if (instance !== undefined) instanceOf(call, instance);
    if (
      (instance !== undefined && instance !== attachment.instance) ||
      (device !== undefined && device !== attachment.device)
    ) {
      throw new Ec2Error(
        'InvalidAttachment.NotFound',
        `Volume '${volume.id}' is not attached to '${instance ?? attachment.instance}' as device '${device ?? attachment.device}'.`,
      );
    }
    if (attachment.device === '/dev/xvda') {
      throw new Ec2Error(
        'OperationNotPermitted',
        `'${volume.id}' is a root volume and cannot be detached from a running instance`,
      );
    }
    const isForced = parameters.flag('Force') === true;
    // A repeated DetachVolume changes nothing, unless it sets Force.
    if (attachment.state === 'attaching' || attachment.state === 'attached' || isForced) {
      // With the new key, a detachment by force replaces one that waits for an unmount.
      const next = { ...attachment, key: randomUUID(), state: 'detaching' } as const;
      cloud.state.putVolume({ ...volume, attachment: next });
      const stuck = isForced ? undefined : cloud.faults.take('stuck-detaching', subject);
      cloud.inBackground(`detach ${volume.id}`, async () => {
        if (stuck !== undefined && (stuck.ms === undefined || !(await cloud.wait(stuck.ms)))) return;
        if (await cloud.wait(isForced ? 0 : cloud.settings.delaysMs.detach)) {
          await finishDetachment(call, volume.id, next.key, isForced);
        }
      });
    }
    return attachmentFields(volume.id, cloud.state.current.volumes[volume.id]?.attachment ?? attachment);
  },
};

/** Removes the disk of a volume from its instance, when it is no longer in use or, if forced, immediately. */
export async function finishDetachment(
  call: Pick<Call, 'cloud' | 'devices'>,
  id: string,
  key: string,
  isForced: boolean,
): Promise<void> {
  const { cloud, devices } = call;
  const { attachment } = current(call, id, key) ?? {};
  if (attachment === undefined) return;
  const shown = attachment.ghost ?? id;
  // The disk of another volume, shown by the fault `wrong-device`, stays if that volume has its own attachment.
  if (shown !== id && cloud.state.current.volumes[shown]?.attachment !== undefined) {
    if (attachment.block !== undefined) cloud.instances.get(attachment.instance)?.host.hide(attachment.block);
    free(call, id, key);
    return;
  }
  while (!isForced && (await devices.isInUse(shown))) {
    const then = current(call, id, key);
    if (then === undefined) return;
    if (then.attachment.state !== 'busy') {
      cloud.state.putVolume({ ...then.volume, attachment: { ...then.attachment, state: 'busy' } });
    }
    if (!(await cloud.wait(againMs))) return;
  }
  await devices.oneAtATime(id, async () => {
    // Another call may have finished the detachment by now.
    if (current(call, id, key) === undefined) return;
    if (isForced && (await devices.isInUse(shown))) await devices.detachByForce(shown);
    else await devices.detach(shown);
    free(call, id, key);
  });
}

function free(call: Pick<Call, 'cloud'>, id: string, key: string): void {
  const left = current(call, id, key);
  if (left === undefined) return;
  const { attachment: _, ...volume } = left.volume;
  call.cloud.state.putVolume({ ...volume, state: 'available' });
}

function current(
  { cloud }: Pick<Call, 'cloud'>,
  id: string,
  key: string,
): { readonly volume: Volume; readonly attachment: Attachment } | undefined {
  const volume = cloud.state.current.volumes[id];
  return volume?.attachment?.key === key ? { volume, attachment: volume.attachment } : undefined;
}
