import type { Action } from './action.ts';
import { attachVolume } from './attach-volume.ts';
import { createVolume } from './create-volume.ts';
import { deleteVolume } from './delete-volume.ts';
import { describeInstances } from './describe-instances.ts';
import { describeVolumes } from './describe-volumes.ts';
import { detachVolume } from './detach-volume.ts';

/** What the API can be asked to do, by name. */
export const actions: ReadonlyMap<string, Action> = new Map(
  Object.entries({
    AttachVolume: attachVolume,
    CreateVolume: createVolume,
    DeleteVolume: deleteVolume,
    DescribeInstances: describeInstances,
    DescribeVolumes: describeVolumes,
    DetachVolume: detachVolume,
  }),
);
