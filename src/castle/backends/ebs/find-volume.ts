import { wrongFileSystem } from '../refusals.ts';
import type { KnownVolume } from '../volume.ts';
import type { EbsContext } from './ebs-context.ts';
import type { HostDevice } from './host-devices.ts';
import * as refusals from './refusals.ts';
import { type CastleVolume, isDeleted } from './volume.ts';

/** The one volume of that name that counts: not a deleted one, not one that failed. */
export async function findVolume(
  { inventory, zone }: EbsContext,
  name: string,
): Promise<CastleVolume | undefined> {
  let found: readonly CastleVolume[];
  try {
    found = await inventory.listByName(name);
  } catch (thrown) {
    throw refusals.ec2Refused(`volume ${name} cannot be looked for in EBS`, thrown);
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

/** The same, which may be mounted. */
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

/** The disk that this host has of a volume. */
export async function findDevice(
  context: EbsContext,
  { name, id }: KnownVolume,
): Promise<HostDevice | undefined> {
  const { inventory, host } = context;
  const ec2Id = id === undefined ? undefined : inventory.ec2IdOf(id);
  if (ec2Id !== undefined) {
    const device = host.find(ec2Id, undefined);
    // Where disks have serial numbers, no other disk can be the volume.
    if (device !== undefined || host.list().some(({ serial }) => serial?.startsWith('vol'))) return device;
  }
  const volume = await findVolume(context, name);
  if (volume === undefined || (id !== undefined && volume.id !== id)) return undefined;
  const { attachment } = volume;
  return host.find(volume.ec2Id, attachment?.instance === context.instance ? attachment.name : undefined);
}

/** Whether a disk has a volume of the cluster that was seen before. */
export function holdsCastleVolume({ inventory }: EbsContext, { serial }: HostDevice): boolean {
  return serial !== undefined && inventory.isKnown(serial.replace(/^vol/, 'vol-'));
}
