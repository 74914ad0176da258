import { closeSync } from 'node:fs';
import { errorMessage } from '../../../terminal/failure.ts';
import { ec2Code } from '../../aws/ec2-client.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { KnownVolume } from '../volume.ts';
import { deviceOf, only } from './find-volume.ts';
import { holdDevice, patienceMs } from './lock-device.ts';
import { serialOf } from './host-devices.ts';
import type { EbsParts } from './ebs-context.ts';

/** Detaches a volume that is not in use, so that another host can attach it. A busy device stays attached, and is reported. */
export async function releaseUnused(parts: EbsParts, known: KnownVolume): Promise<void> {
  const { attachments, native, emit } = parts;
  const device = await deviceOf(parts, known);
  if (device === undefined) return;
  const { name, id } = known;
  const busy = (why: string, code?: string) =>
    emit(`volume ${name} stays attached as ${device.path}: ${why}`, {
      event: 'device.busy',
      volume: name,
      ...(code === undefined ? {} : { code }),
    });
  const ec2Id = id === undefined ? undefined : parts.inventory.ec2IdOf(id);
  const volume = ec2Id === undefined ? (await only(parts, name))?.ec2Id : ec2Id;
  if (volume === undefined || (device.serial !== undefined && device.serial !== serialOf(volume))) return;
  try {
    const fd = await holdDevice(native, device, patienceMs);
    if (fd === undefined) return busy('it is mounted, or a program has it open');
    closeSync(fd);
    if (!(await attachments.detach(volume))) return busy('EC2 does not detach it');
    emit(`volume ${name} is detached from this instance`, { event: 'device.detached', volume: name });
  } catch (thrown) {
    if (thrown instanceof RefusalError) return busy(thrown.sentence, thrown.code);
    busy(errorMessage(thrown), ec2Code(thrown));
  }
}
