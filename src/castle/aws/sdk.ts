/**
 * The parts of the AWS SDK that the castle uses. They are a separate bundle, dist/castle-ebs.js, which is loaded only for the
 * backend ebs. Do not import the castle's own modules here: they would be bundled twice.
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
