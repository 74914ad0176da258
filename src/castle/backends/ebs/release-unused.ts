import { closeSync } from 'node:fs';
import { errorMessage } from '../../../terminal/failure.ts';
import { ec2Code } from '../../aws/ec2-client.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { KnownVolume } from '../volume.ts';
import type { EbsContext } from './ebs-context.ts';
import { findDevice, findVolume } from './find-volume.ts';
import { serialOf } from './host-devices.ts';
import { lockDevice, releaseLimitMs } from './lock-device.ts';

/** Detaches a volume that is not in use, so that another host can attach it. A busy device stays attached and is logged. */
export async function releaseUnused(context: EbsContext, known: KnownVolume): Promise<void> {
  const { attachments, native, emit } = context;
  const device = await findDevice(context, known);
  if (device === undefined) return;
  const { name, id } = known;
  const busy = (why: string, code?: string) =>
    emit(`volume ${name} stays attached as ${device.path}: ${why}`, {
      event: 'device.busy',
      volume: name,
      ...(code === undefined ? {} : { code }),
    });
  const ec2Id = id === undefined ? undefined : context.inventory.ec2IdOf(id);
  const volume = ec2Id === undefined ? (await findVolume(context, name))?.ec2Id : ec2Id;
  if (volume === undefined || (device.serial !== undefined && device.serial !== serialOf(volume))) return;
  try {
    const fd = await lockDevice(native, device, releaseLimitMs);
    if (fd === undefined) return busy('it is mounted, or a program has it open');
    closeSync(fd);
    if (!(await attachments.detach(volume))) return busy('EC2 does not detach it');
    emit(`volume ${name} is detached from this instance`, { event: 'device.detached', volume: name });
  } catch (thrown) {
    if (thrown instanceof RefusalError) return busy(thrown.sentence, thrown.code);
    busy(errorMessage(thrown), ec2Code(thrown));
  }
}
