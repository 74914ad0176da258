import type { Action } from './action.ts';
import { attachVolume } from './attach-volume.ts';
import { createSnapshot } from './create-snapshot.ts';
import { createVolume } from './create-volume.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { deleteVolume } from './delete-volume.ts';
import { describeAvailabilityZones } from './describe-availability-zones.ts';
import { describeInstanceTypes } from './describe-instance-types.ts';
import { describeInstances } from './describe-instances.ts';
import { describeSnapshots } from './describe-snapshots.ts';
import { describeVolumes } from './describe-volumes.ts';
import { describeVolumesModifications } from './describe-volumes-modifications.ts';
import { detachVolume } from './detach-volume.ts';
import { modifyVolume } from './modify-volume.ts';
import { createTags, deleteTags, describeTags } from './tagging.ts';

/** The actions of the API by name. */
export const actions: ReadonlyMap<string, Action> = new Map(
  Object.entries({
    AttachVolume: attachVolume,
    CreateSnapshot: createSnapshot,
    CreateTags: createTags,
    CreateVolume: createVolume,
    DeleteSnapshot: deleteSnapshot,
    DeleteTags: deleteTags,
    DeleteVolume: deleteVolume,
    DescribeAvailabilityZones: describeAvailabilityZones,
    DescribeInstanceTypes: describeInstanceTypes,
    DescribeInstances: describeInstances,
    DescribeSnapshots: describeSnapshots,
    DescribeTags: describeTags,
    DescribeVolumes: describeVolumes,
    DescribeVolumesModifications: describeVolumesModifications,
    DetachVolume: detachVolume,
    ModifyVolume: modifyVolume,
  }),
);
