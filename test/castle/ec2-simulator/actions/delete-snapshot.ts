import type { Action } from './action.ts';
import { snapshotOf } from './look-up.ts';

export const deleteSnapshot: Action = {
  names: ['SnapshotId', 'DryRun'],
  async act(call) {
    const { cloud } = call;
    const { id } = snapshotOf(call);
    cloud.state.removeSnapshot(id);
    await cloud.disks.removeSnapshot(id);
    return { return: true };
  },
};
