import type { Instance } from '../cloud/cloud.ts';
import { checkIds } from '../cloud/ids.ts';
import type { Snapshot, Volume } from '../cloud/records.ts';
import { notFound } from '../wire/errors.ts';
import type { Call } from './action.ts';

/**
 * The volume that a request names. It must exist both in the view of the request, which may be outdated, and in the current
 * state.
 * @throws Ec2Error InvalidVolume.NotFound, InvalidVolumeID.Malformed
 */
export function volumeOf({ cloud, parameters, seen }: Call): Volume {
  const id = parameters.required('VolumeId');
  checkIds('vol', [id]);
  const volume = seen.volumes[id] && cloud.state.current.volumes[id];
  if (volume === undefined) throw notFound('Volume', [id]);
  return volume;
}

/** @throws Ec2Error InvalidSnapshot.NotFound, InvalidSnapshotID.Malformed */
export function snapshotOf({ cloud, parameters, seen }: Call): Snapshot {
  const id = parameters.required('SnapshotId');
  checkIds('snap', [id]);
  const snapshot = seen.snapshots[id] && cloud.state.current.snapshots[id];
  if (snapshot === undefined) throw notFound('Snapshot', [id]);
  return snapshot;
}

/** @throws Ec2Error InvalidInstanceID.NotFound, InvalidInstanceID.Malformed */
export function instanceOf({ cloud }: Call, id: string): Instance {
  checkIds('i', [id]);
  const instance = cloud.instances.get(id);
  if (instance === undefined) throw notFound('InstanceID', [id]);
  return instance;
}
