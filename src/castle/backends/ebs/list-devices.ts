import type { Devices } from '../../../protocol/contract.ts';
import type { EbsContext } from './ebs-context.ts';

/** Returns the disks of this host that hold volumes of the cluster, and the device names that are avoided. */
export async function devicesOf({ inventory, host, names, instance }: EbsContext): Promise<Devices> {
  const here = (await inventory.list()).filter(({ attachment }) => attachment?.instance === instance);
  return {
    devices: here.map(({ name, ec2Id, sizeBytes, fileSystem, attachment, state }) => {
      const device = host.find(ec2Id, attachment?.name);
      return {
        volume: name,
        ...(device === undefined ? {} : { device: device.path }),
        source: ec2Id,
        ...(attachment === undefined ? {} : { name: attachment.name, state: attachment.state }),
        sizeBytes,
        fileSystem: state === 'creating' ? 'none yet' : fileSystem,
        ...(attachment?.since === undefined ? {} : { since: attachment.since }),
      };
    }),
    avoidedNames: [...names.avoided().values()].map(({ name, reason, untilMs }) => ({
      name,
      reason,
      until: new Date(untilMs).toISOString(),
    })),
  };
}
