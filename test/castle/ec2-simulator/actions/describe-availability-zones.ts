import { Ec2Error } from '../wire/errors.ts';
import type { Action } from './action.ts';
import { filtersOf } from './filters.ts';

export const describeAvailabilityZones: Action = {
  names: ['ZoneName', 'Filter', 'DryRun'],
  act({ cloud, parameters }) {
    const names = parameters.list('ZoneName');
    const missing = names.find((name) => !cloud.zones.includes(name));
    if (missing !== undefined) {
      throw new Ec2Error('InvalidParameterValue', `Invalid availability zone: [${missing}]`);
    }
    const meets = filtersOf(parameters, ['zone-name', 'region-name', 'state']);
    return {
      availabilityZoneInfo: cloud.zones
        .filter((zone) => names.length === 0 || names.includes(zone))
        .filter((zone) =>
          meets({}, { 'zone-name': [zone], 'region-name': [cloud.region], state: ['available'] }),
        )
        .map((zone) => ({ zoneName: zone, zoneState: 'available', regionName: cloud.region })),
    };
  },
};
