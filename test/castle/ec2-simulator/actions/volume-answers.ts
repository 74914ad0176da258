import type { Attachment, Volume } from '../cloud/records.ts';
import type { Xml } from '../wire/xml.ts';
import { tagSet } from './tags.ts';

/** A volume in answers. */
export const volumeFields = (volume: Volume): { readonly [name: string]: Xml } => ({
  volumeId: volume.id,
  size: volume.sizeGiB,
  snapshotId: volume.snapshot ?? '',
  availabilityZone: volume.zone,
  status: volume.state,
  createTime: volume.created,
  volumeType: volume.type,
  iops: volume.iops,
  throughput: volume.throughput,
  encrypted: volume.encrypted,
  multiAttachEnabled: false,
  tagSet: tagSet(volume.tags),
});

/** An attachment in answers. */
export const attachmentFields = (
  volume: string,
  attachment: Attachment,
): { readonly [name: string]: Xml } => ({
  volumeId: volume,
  instanceId: attachment.instance,
  device: attachment.device,
  status: attachment.state,
  attachTime: attachment.at,
  deleteOnTermination: attachment.device === '/dev/xvda',
});
