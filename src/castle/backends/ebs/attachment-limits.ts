import { describeEc2Error, type Ec2 } from '../../aws/ec2-client.ts';
import type { Instance } from '../../aws/instance-metadata.ts';

/** What an instance takes when nobody says more: 40 with the root volume on Xen, 28 with network interfaces on Nitro. */
const usual = { xen: 39, nitro: 27 };

/**
 * How many volumes can be attached to this instance besides its root volume. Where volumes share the limit with network
 * interfaces, this is the upper bound: AttachVolume fails earlier when interfaces use it up. "Amazon EBS volume limits for EC2 instances".
 * @param note called with a warning when EC2 reports no limit and the default is used
 */
export async function attachmentLimit(
  ec2: Ec2,
  { type }: Instance,
  note: (why: string) => void,
): Promise<number> {
  try {
    const answer = await ec2.describeInstanceTypes({
      InstanceTypes: [type as never],
    });
    const [info] = answer.InstanceTypes ?? [];
    const most = info?.EbsInfo?.MaximumEbsAttachments;
    // The root volume takes one; where the limit is shared, the first network interface takes another.
    if (most !== undefined) return most - (info?.EbsInfo?.AttachmentLimitType === 'shared' ? 2 : 1);
    return info?.Hypervisor === 'xen' ? usual.xen : usual.nitro;
  } catch (thrown) {
    note(
      `how many volumes ${type} takes is not known, ${usual.nitro} are assumed: ${describeEc2Error(thrown)}`,
    );
    return usual.nitro;
  }
}
