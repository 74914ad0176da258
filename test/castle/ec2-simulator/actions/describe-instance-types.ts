import { instanceTypes } from '../cloud/instance-types.ts';
import { Ec2Error } from '../wire/errors.ts';
import type { Action } from './action.ts';
import { filtersOf } from './filters.ts';
import { pageOf } from './pages.ts';

export const describeInstanceTypes: Action = {
  names: ['InstanceType', 'Filter', 'MaxResults', 'NextToken', 'DryRun'],
  act({ parameters }) {
    const names = parameters.list('InstanceType');
    const missing = names.filter((name) => !instanceTypes.some((type) => type.name === name));
    if (missing.length > 0) {
      throw new Ec2Error(
        'InvalidInstanceType',
        `The following supplied instance types do not exist: [${missing.join(', ')}]`,
      );
    }
    const meets = filtersOf(parameters, ['instance-type', 'hypervisor']);
    const found = instanceTypes
      .filter(({ name, hypervisor }) => meets({}, { 'instance-type': [name], hypervisor: [hypervisor] }))
      .filter(({ name }) => names.length === 0 || names.includes(name))
      .map((type) => ({ id: type.name, ...type }));
    const { items, nextToken } = pageOf(parameters, found, 'InstanceType');
    return {
      instanceTypeSet: items.map(({ name, hypervisor, maximumAttachments, limitIs }) => ({
        instanceType: name,
        hypervisor,
        bareMetal: false,
        ebsInfo: {
          encryptionSupport: 'supported',
          nvmeSupport: hypervisor === 'nitro' ? 'required' : 'unsupported',
          maximumEbsAttachments: maximumAttachments,
          attachmentLimitType: limitIs,
        },
      })),
      nextToken,
    };
  },
};
