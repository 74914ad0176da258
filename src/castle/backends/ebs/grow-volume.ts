import { type Ec2, isEc2Error } from '../../aws/ec2-client.ts';
import { fileSystemNamed } from '../../file-systems/types.ts';
import * as blockRefusals from '../refusals.ts';
import type { KnownVolume } from '../volume.ts';
import type { EbsContext } from './ebs-context.ts';
import { requireReadyVolume } from './find-volume.ts';
import * as refusals from './refusals.ts';
import { gibibyte } from './settings.ts';
import { waitFor } from './wait-for-state.ts';

/**
 * Makes the EBS volume larger. If the volume is attached to this host, waits until its disk shows the new size.
 * @param wanted the new size in bytes, a multiple of one GiB
 * @throws RefusalError bad_request when the volume is larger already; busy while EBS allows no further modification;
 *   backend_failed
 */
export async function extendVolume(context: EbsContext, known: KnownVolume, wanted: number): Promise<void> {
  const { ec2, host, pace } = context;
  const { name } = known;
  const volume = await requireReadyVolume(context, known);
  const why = fileSystemNamed(volume.fileSystem).whyNoGrowth();
  if (why !== undefined) throw blockRefusals.cannotGrow(name, why);
  if (wanted < volume.sizeBytes) throw blockRefusals.cannotShrink(name, volume.sizeBytes);
  try {
    if (wanted > volume.sizeBytes) {
      await ec2.modifyVolume({ VolumeId: volume.ec2Id, Size: wanted / gibibyte });
    }
    const state = await waitFor(pace.modify, () => modified(ec2, volume.ec2Id, wanted));
    if (state !== 'done')
      throw refusals.attachmentTimedOut(name, volume.ec2Id, 'growing', pace.modify.withinMs / 1000);
  } catch (thrown) {
    const codes = ['VolumeModificationRateExceeded', 'IncorrectModificationState', 'IncorrectState'] as const;
    if (isEc2Error(thrown, ...codes)) throw refusals.modifiedTooOften(name);
    throw refusals.ec2Refused(`volume ${name} cannot grow`, thrown);
  }
  const { attachment } = volume;
  if (attachment?.instance !== context.instance || host.find(volume.ec2Id, attachment.name) === undefined) {
    return;
  }
  // The device reports its new size to the kernel without a rescan.
  const isLarger = await waitFor(pace.visible, async () => {
    const device = host.find(volume.ec2Id, attachment.name);
    return device === undefined || device.sizeBytes >= wanted ? true : undefined;
  });
  if (isLarger === undefined)
    throw refusals.attachmentTimedOut(name, volume.ec2Id, 'growing', pace.visible.withinMs / 1000);
}

/**
 * Whether EC2 has changed the size: a volume has its new size from the state `optimizing` on. Source: "ModifyVolume" in
 * EC2's API reference.
 */
async function modified(ec2: Ec2, ec2Id: string, wanted: number): Promise<'done' | undefined> {
  try {
    const answer = await ec2.describeVolumesModifications({ VolumeIds: [ec2Id] });
    const [last] = answer.VolumesModifications ?? [];
    // The volume was never modified: it still has the size with which it was created.
    if (last === undefined) return 'done';
    if (last.ModificationState === 'failed') throw new Error(last.StatusMessage ?? 'EBS reports a failure');
    const isEnough = (last.TargetSize ?? 0) * gibibyte >= wanted;
    return isEnough && last.ModificationState !== 'modifying' ? 'done' : undefined;
  } catch (thrown) {
    if (isEc2Error(thrown, 'InvalidVolumeModification.NotFound')) return 'done';
    throw thrown;
  }
}
