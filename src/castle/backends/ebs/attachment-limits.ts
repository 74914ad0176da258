import { describeEc2Error, type Ec2 } from '../../aws/ec2-client.ts';
import type { Instance } from '../../aws/instance-metadata.ts';

/** What an instance takes when nobody says more: 40 with the root volume on Xen, 28 with network interfaces on Nitro. */
const usual = { xen: 39, nitro: 27 };

/**
 * How many volumes this instance can have besides its root volume. Where they share their number with network interfaces,
 * that is how many there could be; AttachVolume says when it is over earlier. "Amazon EBS volume limits for EC2 instances".
 * @param note told when EC2 doesn't say, and the usual number is taken
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
    // One is the root volume's, and where they are shared one is the first network interface's.
    if (most !== undefined) return most - (info?.EbsInfo?.AttachmentLimitType === 'shared' ? 2 : 1);
    return info?.Hypervisor === 'xen' ? usual.xen : usual.nitro;
  } catch (thrown) {
    note(
      `how many volumes ${type} takes is not known, ${usual.nitro} are assumed: ${describeEc2Error(thrown)}`,
    );
    return usual.nitro;
  }
}
