import type { Instance } from '../cloud/cloud.ts';
import type { Facts } from '../cloud/records.ts';
import type { Xml } from '../wire/xml.ts';
import type { Action } from './action.ts';
import { filtersOf } from './filters.ts';
import { instanceOf } from './look-up.ts';
import { pageOf } from './pages.ts';
import { tagSet } from './tags.ts';

const known = [
  ...['instance-id', 'instance-type', 'availability-zone', 'instance-state-name'],
  'block-device-mapping.volume-id',
];

export const describeInstances: Action = {
  names: ['InstanceId', 'Filter', 'MaxResults', 'NextToken', 'DryRun'],
  act(call) {
    const { cloud, parameters, seen } = call;
    const asked = parameters.list('InstanceId').map((id) => instanceOf(call, id));
    const meets = filtersOf(parameters, known);
    const found = [...cloud.instances.values()].filter(
      (instance) =>
        (asked.length === 0 || asked.includes(instance)) &&
        meets(seen.instances[instance.id] ?? {}, {
          'instance-id': [instance.id],
          'instance-type': [instance.type.name],
          'availability-zone': [instance.zone],
          'instance-state-name': ['running'],
          'block-device-mapping.volume-id': volumesOf(seen, instance.id).map(({ id }) => id),
        }),
    );
    const { items, nextToken } = pageOf(parameters, found, 'InstanceId');
    return {
      reservationSet: items.map((instance) => ({
        reservationId: instance.id.replace('i-', 'r-'),
        ownerId: cloud.account,
        instancesSet: [fieldsOf(seen, instance)],
      })),
      nextToken,
    };
  },
};

const volumesOf = (seen: Facts, instance: string) =>
  Object.values(seen.volumes).flatMap(({ id, attachment }) =>
    attachment?.instance === instance ? [{ id, attachment }] : [],
  );

const fieldsOf = (seen: Facts, instance: Instance): Xml => ({
  instanceId: instance.id,
  instanceState: { code: 16, name: 'running' },
  instanceType: instance.type.name,
  placement: { availabilityZone: instance.zone, tenancy: 'default' },
  hypervisor: instance.type.hypervisor === 'nitro' ? 'nitro' : 'xen',
  architecture: 'x86_64',
  rootDeviceType: 'ebs',
  rootDeviceName: '/dev/xvda',
  blockDeviceMapping: volumesOf(seen, instance.id).map(({ id, attachment }) => ({
    deviceName: attachment.device,
    ebs: {
      volumeId: id,
      // DescribeInstances has no state `busy`.
      status: attachment.state === 'busy' ? 'detaching' : attachment.state,
      attachTime: attachment.at,
      deleteOnTermination: attachment.device === '/dev/xvda',
    },
  })),
  tagSet: tagSet(seen.instances[instance.id] ?? {}),
});
