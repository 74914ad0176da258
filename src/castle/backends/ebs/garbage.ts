import { closeSync } from 'node:fs';
import type { Garbage } from '../../garbage/garbage.ts';
import type { EbsContext } from './ebs-context.ts';
import type { HostDevice } from './host-devices.ts';
import { lockDevice } from './lock-device.ts';
import type { CastleVolume } from './volume.ts';

/** The age from which an unfinished volume counts as abandoned, in milliseconds: no creation takes this long. */
const abandonedAfterMs = 3_600_000;

/**
 * Finds what this castle created in EBS and no longer needs: volumes whose creation failed, and attached disks that are not
 * mounted. A complete volume is never garbage, even without a record in the store: another host may use it, or this castle
 * may have lost its state.
 * @param isKnown whether the store has a volume or a snapshot with that id
 */
export async function findGarbage(
  context: EbsContext,
  isKnown: (id: string) => boolean,
): Promise<readonly Garbage[]> {
  const { inventory, zone, instance } = context;
  const all = (await inventory.list()).filter((volume) => volume.zone === zone);
  return [
    ...all.flatMap((volume) => {
      const why = whyUnfinished(volume, instance, isKnown);
      return why === undefined ? [] : [unfinishedVolume(context, volume, why)];
    }),
    ...(await Promise.all(all.map((volume) => idleDisk(context, volume)))).flatMap((device) => device ?? []),
  ];
}

/** Returns why a volume will never be completed; undefined when it is complete, or its creation may still be running. */
function whyUnfinished(
  { state, status, creator, id, made }: CastleVolume,
  instance: string,
  isKnown: (id: string) => boolean,
): string | undefined {
  if (state !== 'creating') return undefined;
  if (status === 'error') return 'EBS could not create it';
  if (isKnown(id)) return undefined;
  const isOld = made !== undefined && Date.now() - Date.parse(made) > abandonedAfterMs;
  if (!isOld) return undefined;
  return creator === instance
    ? 'its creation by this castle failed'
    : `the castle on ${creator} did not finish it within an hour`;
}

function unfinishedVolume(context: EbsContext, { ec2Id, name }: CastleVolume, why: string): Garbage {
  const { inventory, creation } = context;
  return {
    kind: 'volume',
    name: `${ec2Id} (${name})`,
    reason: why,
    async remove() {
      const now = await inventory.getCastleVolume(ec2Id);
      if (now === undefined) return true;
      if (now.state !== 'creating') return false;
      return creation.deleteUnused(now);
    },
  };
}

async function idleDisk(
  context: EbsContext,
  { ec2Id, name, attachment }: CastleVolume,
): Promise<Garbage | undefined> {
  const { host, instance, native, attachments } = context;
  if (attachment?.instance !== instance || attachment.state !== 'attached') return undefined;
  const device = host.find(ec2Id, attachment.name);
  if (device === undefined || !(await isIdle(device))) return undefined;
  return {
    kind: 'device',
    name: `${device.path} (${ec2Id}, ${name})`,
    reason: 'its volume is not in use',
    async remove() {
      const now = host.find(ec2Id, attachment.name);
      if (now === undefined) return true;
      return (await isIdle(now)) && attachments.detach(ec2Id);
    },
  };

  /** Whether no mount and no program uses the disk, and no mount of it is in progress. */
  async function isIdle(disk: HostDevice): Promise<boolean> {
    const fd = await lockDevice(native, disk, 0);
    if (fd !== undefined) closeSync(fd);
    return fd !== undefined;
  }
}
