import { wrongFileSystem } from '../refusals.ts';
import type { KnownVolume } from '../volume.ts';
import type { EbsContext } from './ebs-context.ts';
import type { HostDevice } from './host-devices.ts';
import * as refusals from './refusals.ts';
import { type CastleVolume, isDeleted } from './volume.ts';

/** Finds the volume with a name. Deleted volumes, and volumes that EC2 failed to create, are ignored. */
export async function findVolume(
  { inventory, zone }: EbsContext,
  name: string,
): Promise<CastleVolume | undefined> {
  let found: readonly CastleVolume[];
  try {
    found = await inventory.listByName(name);
  } catch (thrown) {
    throw refusals.ec2Refused(`volume ${name} cannot be looked up in EBS`, thrown);
  }
  const live = found.filter((volume) => !isDeleted(volume) && volume.status !== 'error');
  const whole = live.filter(({ state }) => state === 'ready');
  const [first, second] = whole.length > 0 ? whole : live;
  if (first === undefined) return undefined;
  if (second !== undefined && whole.length > 0) {
    throw refusals.severalVolumes(
      name,
      whole.map(({ ec2Id }) => ec2Id),
    );
  }
  if (first.zone !== zone) throw refusals.anotherZone(first, zone);
  return first;
}

/** Finds the volume with a name, and refuses unless its state allows a mount. */
export async function requireReadyVolume(
  context: EbsContext,
  { name, id }: KnownVolume,
): Promise<CastleVolume> {
  const volume = await findVolume(context, name);
  if (volume === undefined) throw refusals.volumeGone(name);
  if (volume.state !== 'ready') throw refusals.wrongState(volume);
  if (id !== undefined && volume.id !== id) {
    throw wrongFileSystem(name, volume.ec2Id, id, volume.id);
  }
  return volume;
}

/** Finds the disk of a volume on this host. */
export async function findDevice(
  context: EbsContext,
  { name, id }: KnownVolume,
): Promise<HostDevice | undefined> {
  const { inventory, host } = context;
  const ec2Id = id === undefined ? undefined : inventory.ec2IdOf(id);
  if (ec2Id !== undefined) {
    const device = host.find(ec2Id, undefined);
    // Where disks have serial numbers, only the disk with the volume's serial number can be its disk.
    if (device !== undefined || host.list().some(({ serial }) => serial?.startsWith('vol'))) return device;
  }
  const volume = await findVolume(context, name);
  if (volume === undefined || (id !== undefined && volume.id !== id)) return undefined;
  const { attachment } = volume;
  return host.find(volume.ec2Id, attachment?.instance === context.instance ? attachment.name : undefined);
}

/** Whether a disk belongs to a volume of the cluster that this castle has read from EC2 before. */
export function holdsCastleVolume({ inventory }: EbsContext, { serial }: HostDevice): boolean {
  return serial !== undefined && inventory.isKnown(serial.replace(/^vol/, 'vol-'));
}
