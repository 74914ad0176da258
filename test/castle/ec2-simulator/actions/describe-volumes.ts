import { checkIds } from '../cloud/ids.ts';
import type { Volume } from '../cloud/records.ts';
import { notFound } from '../wire/errors.ts';
import type { Action } from './action.ts';
import { type Fields, filtersOf } from './filters.ts';
import { pageOf } from './pages.ts';
import { attachmentFields, volumeFields } from './volume-answers.ts';

const fieldsOf = (volume: Volume): Fields => ({
  'volume-id': [volume.id],
  status: [volume.state],
  'availability-zone': [volume.zone],
  size: [String(volume.sizeGiB)],
  'snapshot-id': [volume.snapshot],
  'volume-type': [volume.type],
  encrypted: [String(volume.encrypted)],
  'create-time': [volume.created],
  'attachment.instance-id': [volume.attachment?.instance],
  'attachment.device': [volume.attachment?.device],
  'attachment.status': [volume.attachment?.state],
});

const known = [
  ...[
    'volume-id',
    'status',
    'availability-zone',
    'size',
    'snapshot-id',
    'volume-type',
    'encrypted',
    'create-time',
  ],
  ...['attachment.instance-id', 'attachment.device', 'attachment.status'],
];

export const describeVolumes: Action = {
  names: ['VolumeId', 'Filter', 'MaxResults', 'NextToken', 'DryRun'],
  act({ parameters, seen }) {
    const ids = parameters.list('VolumeId');
    checkIds('vol', ids);
    const missing = ids.filter((id) => seen.volumes[id] === undefined);
    if (missing.length > 0) throw notFound('Volume', missing);
    const meets = filtersOf(parameters, known);
    const found = Object.values(seen.volumes).filter(
      (volume) => (ids.length === 0 || ids.includes(volume.id)) && meets(volume.tags, fieldsOf(volume)),
    );
    const { items, nextToken } = pageOf(parameters, found, 'VolumeId');
    return {
      volumeSet: items.map((volume) => ({
        ...volumeFields(volume),
        attachmentSet:
          volume.attachment === undefined ? [] : [attachmentFields(volume.id, volume.attachment)],
      })),
      nextToken,
    };
  },
};
