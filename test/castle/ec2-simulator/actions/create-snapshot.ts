import { newId } from '../cloud/ids.ts';
import type { Snapshot, Volume } from '../cloud/records.ts';
import { Ec2Error } from '../wire/errors.ts';
import type { Action, Call } from './action.ts';
import { volumeOf } from './look-up.ts';
import { snapshotFields } from './snapshot-answers.ts';
import { specifiedTags } from './tags.ts';

export const createSnapshot: Action = {
  names: ['VolumeId', 'Description', 'TagSpecification', 'DryRun'],
  async act(call) {
    const { cloud, parameters, subject } = call;
    const volume = volumeOf(call);
    if (volume.state !== 'available' && volume.state !== 'in-use') {
      throw new Ec2Error('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`);
    }
    checkLimits(call, volume);
    const snapshot: Snapshot = {
      id: newId('snap'),
      state: 'pending',
      progressPercent: 0,
      volume: volume.id,
      sizeGiB: volume.sizeGiB,
      encrypted: volume.encrypted,
      description: parameters.text('Description') ?? '',
      begun: cloud.time,
      tags: specifiedTags(parameters, 'snapshot'),
    };
    // The snapshot is of the moment of the request: data written after the response is not in it.
    await cloud.disks.snapshot(volume.id, snapshot.id);
    cloud.state.putSnapshot(snapshot);
    const fails = cloud.faults.take('snapshot-fails', subject) !== undefined;
    cloud.inBackground(`snapshot ${snapshot.id}`, () => finishSnapshot(call, snapshot.id, fails));
    return snapshotFields(cloud.account, snapshot);
  },
};

/** Advances a snapshot to `completed`, or to `error` if a fault requires it. */
export async function finishSnapshot(
  { cloud }: Pick<Call, 'cloud'>,
  id: string,
  fails = false,
): Promise<void> {
  for (const progressPercent of [50, 100]) {
    if (!(await cloud.wait(cloud.settings.delaysMs.snapshot / 2))) return;
    const snapshot = cloud.state.current.snapshots[id];
    if (snapshot === undefined) return;
    if (fails) {
      cloud.state.putSnapshot({ ...snapshot, state: 'error' });
      return;
    }
    const state = progressPercent === 100 ? 'completed' : 'pending';
    cloud.state.putSnapshot({ ...snapshot, progressPercent, state });
  }
}

function checkLimits({ cloud }: Call, { id }: Volume): void {
  const all = Object.values(cloud.state.current.snapshots);
  const own = all.filter(({ volume }) => volume === id);
  const { snapshots, concurrentSnapshots, secondsBetweenSnapshots } = cloud.settings.limits;
  if (all.length >= snapshots) {
    throw new Ec2Error('SnapshotLimitExceeded', `The limit of ${snapshots} snapshots is reached.`);
  }
  if (own.filter(({ state }) => state === 'pending').length >= concurrentSnapshots) {
    throw new Ec2Error(
      'ConcurrentSnapshotLimitExceeded',
      `The limit of ${concurrentSnapshots} pending snapshots of volume ${id} is reached.`,
    );
  }
  if (own.some(({ begun }) => cloud.clock - Date.parse(begun) < secondsBetweenSnapshots * 1000)) {
    throw new Ec2Error(
      'SnapshotCreationPerVolumeRateExceeded',
      'The maximum per volume CreateSnapshot request rate has been exceeded.',
    );
  }
}
