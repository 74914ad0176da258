/**
 * What the castle uses of AWS' SDK. It is a bundle of its own, dist/castle-ebs.js, which only a castle with the backend ebs
 * loads: nothing of the castle's own may be imported here, since it would be there twice.
 */
export {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeInstanceTypesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  DetachVolumeCommand,
  EC2Client,
  ModifyVolumeCommand,
} from '@aws-sdk/client-ec2';
