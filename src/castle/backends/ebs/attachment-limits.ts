import { describeEc2Error, type Ec2 } from '../../aws/ec2-client.ts';
import type { Instance } from '../../aws/instance-metadata.ts';

/**
 * The default limit when EC2 reports none, without the root volume: 40 volumes in all on Xen; 28 on Nitro, where the limit
 * may include network interfaces.
 */
const defaultLimits = { xen: 39, nitro: 27 };

/**
 * Returns how many volumes can be attached to this instance besides its root volume. Where volumes share the limit with
 * network interfaces, this is the upper bound: AttachVolume fails earlier when interfaces use up the limit. Source: "Amazon
 * EBS volume limits for EC2 instances".
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
    // The root volume counts as one. Where the limit is shared, the first network interface counts as another one.
    if (most !== undefined) return most - (info?.EbsInfo?.AttachmentLimitType === 'shared' ? 2 : 1);
    return info?.Hypervisor === 'xen' ? defaultLimits.xen : defaultLimits.nitro;
  } catch (thrown) {
    note(
      `the attachment limit of ${type} is unknown, so ${defaultLimits.nitro} volumes are assumed: ${describeEc2Error(thrown)}`,
    );
    return defaultLimits.nitro;
  }
}
