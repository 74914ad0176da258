import { checkIds } from '../cloud/ids.ts';
import { Ec2Error, notFound } from '../wire/errors.ts';
import type { Action } from './action.ts';
import { filtersOf } from './filters.ts';
import { modificationFields } from './modify-volume.ts';
import { pageOf } from './pages.ts';

export const describeVolumesModifications: Action = {
  names: ['VolumeId', 'Filter', 'MaxResults', 'NextToken', 'DryRun'],
  act({ parameters, seen }) {
    const ids = parameters.list('VolumeId');
    checkIds('vol', ids);
    const missing = ids.filter((id) => seen.volumes[id] === undefined);
    if (missing.length > 0) throw notFound('Volume', missing);
    const unmodified = ids.find((id) => seen.volumes[id]?.modification === undefined);
    if (unmodified !== undefined) {
      throw new Ec2Error(
        'InvalidVolumeModification.NotFound',
        `Modification for volume '${unmodified}' does not exist.`,
      );
    }
    const meets = filtersOf(parameters, ['volume-id', 'modification-state']);
    const found = Object.values(seen.volumes).flatMap(({ id, modification }) =>
      modification !== undefined &&
      (ids.length === 0 || ids.includes(id)) &&
      meets({}, { 'volume-id': [id], 'modification-state': [modification.state] })
        ? [{ id, modification }]
        : [],
    );
    const { items, nextToken } = pageOf(parameters, found, 'VolumeId');
    return {
      volumeModificationSet: items.map(({ id, modification }) => modificationFields(id, modification)),
      nextToken,
    };
  },
};
