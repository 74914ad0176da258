import { checkIds } from '../cloud/ids.ts';
import type { Snapshot } from '../cloud/records.ts';
import { invalidValue, notFound } from '../wire/errors.ts';
import type { Action } from './action.ts';
import { type Fields, filtersOf } from './filters.ts';
import { pageOf } from './pages.ts';
import { snapshotFields } from './snapshot-answers.ts';

const fieldsOf = (snapshot: Snapshot, account: string): Fields => ({
  'snapshot-id': [snapshot.id],
  'volume-id': [snapshot.volume],
  'volume-size': [String(snapshot.sizeGiB)],
  status: [snapshot.state],
  progress: [`${snapshot.progressPercent}%`],
  'start-time': [snapshot.begun],
  description: [snapshot.description],
  encrypted: [String(snapshot.encrypted)],
  'owner-id': [account],
});

const known = [
  ...['snapshot-id', 'volume-id', 'volume-size', 'status', 'progress', 'start-time', 'description'],
  ...['encrypted', 'owner-id'],
];

export const describeSnapshots: Action = {
  names: ['SnapshotId', 'Filter', 'Owner', 'MaxResults', 'NextToken', 'DryRun'],
  act({ cloud, parameters, seen }) {
    const ids = parameters.list('SnapshotId');
    checkIds('snap', ids);
    const missing = ids.filter((id) => seen.snapshots[id] === undefined);
    if (missing.length > 0) throw notFound('Snapshot', missing);
    // There is only one account, which owns all snapshots.
    for (const owner of parameters.list('Owner')) {
      if (owner !== 'self' && owner !== cloud.account) throw invalidValue('owner', owner);
    }
    const meets = filtersOf(parameters, known);
    const found = Object.values(seen.snapshots).filter(
      (snapshot) =>
        (ids.length === 0 || ids.includes(snapshot.id)) &&
        meets(snapshot.tags, fieldsOf(snapshot, cloud.account)),
    );
    const { items, nextToken } = pageOf(parameters, found, 'SnapshotId');
    return { snapshotSet: items.map((snapshot) => snapshotFields(cloud.account, snapshot)), nextToken };
  },
};
