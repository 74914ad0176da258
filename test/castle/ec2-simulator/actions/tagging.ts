import { checkIds } from '../cloud/ids.ts';
import type { Facts, Tags } from '../cloud/records.ts';
import { Ec2Error, notFound } from '../wire/errors.ts';
import type { Action, Call } from './action.ts';
import { filtersOf } from './filters.ts';
import { pageOf } from './pages.ts';
import { checkNumber, tagsOf } from './tags.ts';

export const createTags: Action = {
  names: ['ResourceId', 'Tag', 'DryRun'],
  act(call) {
    const tags = tagsOf(call.parameters);
    if (Object.keys(tags).length === 0) {
      throw new Ec2Error('MissingParameter', 'The request must contain the parameter tagSet');
    }
    return retag(call, (before) => checkNumber({ ...before, ...tags }));
  },
};

export const deleteTags: Action = {
  names: ['ResourceId', 'Tag', 'DryRun'],
  act(call) {
    const taken = call.parameters.structures('Tag');
    // DeleteTags with a value deletes only a tag with that value; without tags it deletes all tags.
    const isTaken = (key: string, value: string) =>
      taken.length === 0 ||
      taken.some((tag) => tag.required('Key') === key && (tag.text('Value') ?? value) === value);
    return retag(call, (before) =>
      Object.fromEntries(Object.entries(before).filter(([key, value]) => !isTaken(key, value))),
    );
  },
};

export const describeTags: Action = {
  names: ['Filter', 'MaxResults', 'NextToken', 'DryRun'],
  act({ cloud, parameters, seen }) {
    const meets = filtersOf(parameters, ['resource-id', 'resource-type', 'key', 'value']);
    const found = resources(cloud.instances.keys(), seen).flatMap(({ resource, type, tags }) =>
      Object.entries(tags)
        .map(([key, value]) => ({ id: `${resource} ${key}`, resource, type, key, value }))
        .filter(({ key, value }) =>
          meets(tags, { 'resource-id': [resource], 'resource-type': [type], key: [key], value: [value] }),
        ),
    );
    const { items, nextToken } = pageOf(parameters, found);
    return {
      tagSet: items.map(({ resource, type, key, value }) => ({
        ...{ resourceId: resource, resourceType: type, key, value },
      })),
      nextToken,
    };
  },
};

/** Changes the tags of every resource that a request names, or of none if one does not exist. */
function retag(call: Call, change: (before: Tags) => Tags): { readonly return: boolean } {
  const { cloud, parameters, seen } = call;
  const ids = parameters.list('ResourceId');
  if (ids.length === 0) {
    throw new Ec2Error('MissingParameter', 'The request must contain the parameter resourceIdSet');
  }
  let { volumes, snapshots, instances } = cloud.state.current;
  for (const id of ids) {
    const [volume, snapshot] = [seen.volumes[id] && volumes[id], seen.snapshots[id] && snapshots[id]];
    if (volume !== undefined) volumes = { ...volumes, [id]: { ...volume, tags: change(volume.tags) } };
    else if (snapshot !== undefined) {
      snapshots = { ...snapshots, [id]: { ...snapshot, tags: change(snapshot.tags) } };
    } else if (cloud.instances.has(id)) instances = { ...instances, [id]: change(instances[id] ?? {}) };
    else throw unknown(id);
  }
  cloud.state.change({ volumes, snapshots, instances });
  return { return: true };
}

function unknown(id: string): Ec2Error {
  for (const [prefix, kind] of [
    ['vol', 'Volume'],
    ['snap', 'Snapshot'],
    ['i', 'InstanceID'],
  ] as const) {
    if (!id.startsWith(`${prefix}-`)) continue;
    checkIds(prefix, [id]);
    return notFound(kind, [id]);
  }
  return new Ec2Error('InvalidID', `The ID '${id}' is not valid`);
}

const resources = (instances: Iterable<string>, seen: Facts) => [
  ...Object.values(seen.volumes).map(({ id, tags }) => ({ resource: id, type: 'volume', tags })),
  ...Object.values(seen.snapshots).map(({ id, tags }) => ({ resource: id, type: 'snapshot', tags })),
  ...[...instances].map((id) => ({ resource: id, type: 'instance', tags: seen.instances[id] ?? {} })),
];
