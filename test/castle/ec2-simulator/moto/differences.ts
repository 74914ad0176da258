/** Where the simulator and moto differ, and which of them is like EC2. */
export interface Difference {
  /** The step of the script; without, every one. */
  readonly step?: string;
  /** The part of the answer. */
  readonly path: RegExp;
  readonly why: string;
}

/** moto does what EC2 refuses. */
const lenient = (step: string, why: string): Difference => ({ step, path: /^error$/, why });

/**
 * Those that are known, by moto 5.2.5. Sources: the EC2 API reference, its list of error codes, and the EBS User Guide.
 * Where moto is right and it matters to nobody here, it says so.
 */
export const differences: readonly Difference[] = [
  { path: /MultiAttachEnabled$/, why: 'a member of every Volume in the API reference; moto has none' },
  {
    path: /Throughput$/,
    why: 'gp3 has a throughput (125 MiB/s by default); moto tells it only when it was asked for',
  },
  {
    path: /^(Volumes\.\d\.)?SnapshotId$/,
    why: 'EC2 answers an empty snapshotId for a blank volume; moto none',
  },
  {
    path: /^(Volumes\.\d\.)?Iops$/,
    why: 'gp2 has IOPS by its size; moto tells them only when they were asked for',
  },
  { path: /DeleteOnTermination$/, why: 'a member of every VolumeAttachment; moto has none' },
  {
    path: /^(State|Progress)$/,
    why: 'in EC2 things take their time: creating, pending; in moto they are done at once',
  },
  {
    path: /^Attachments\.length$/,
    why: 'moto answers an empty list of attachments to CreateVolume, EC2 none',
  },
  {
    step: 'zones',
    path: /\.(ZoneId|ZoneType|Messages)\b/,
    why: 'EC2 tells these as moto does; the castle does not ask',
  },
  {
    step: 'a type',
    path: /^InstanceTypes\.0\.(?!InstanceType$|Hypervisor$|BareMetal$|EbsInfo\.(Max|Att|Nvme|Enc))/,
    why: 'processors, memory, network and speed of a type, which moto has from EC2; the castle does not ask',
  },
  {
    step: 'describe the instance',
    path: /\.(DeviceName|RootDeviceName)$/,
    why: "a root device is called /dev/xvda or /dev/sda1, by the instance's image",
  },
  {
    step: 'describe the instance',
    path: /\.Hypervisor$/,
    why: 'an m5.large is of Nitro; moto says xen of every one',
  },
  {
    step: 'describe the instance',
    path: /^Reservations\.0\.(Groups|Instances\.0\.(ClientToken|EbsOptimized|Network|Security|Source|Sriov|StateReason|StateTransition|Virtualization|Metadata|ImageId|P(rivate|ublic|latform|roductCodes|lacement\.GroupName)|AmiLaunchIndex|LaunchTime|Monitoring|SubnetId|VpcId))/,
    why: 'network, image and the like of an instance, which EC2 tells as well; the castle does not ask',
  },
  lenient('an unknown zone', 'EC2: InvalidParameterValue; moto: an empty list'),
  lenient('create without a zone', 'the zone is required'),
  lenient('create of no known type', 'EC2: UnknownVolumeType; moto makes a floppy'),
  lenient('create in an unknown zone', 'EC2: InvalidZone.NotFound'),
  lenient('tags for something else at creation', 'EC2 takes tags for what is created only'),
  lenient(
    'create with the same token and another size',
    'EC2: IdempotentParameterMismatch; moto ignores tokens',
  ),
  { step: 'the same token is the same volume', path: /^isSame$/, why: 'moto ignores tokens' },
  { step: 'create from what is no snapshot', path: /^error$/, why: 'EC2: Malformed; moto: NotFound' },
  { step: 'describe what is no volume', path: /^error$/, why: 'EC2: Malformed; moto: NotFound' },
  { step: 'describe what is no snapshot', path: /^error$/, why: 'EC2: Malformed; moto: NotFound' },
  {
    step: 'describe by an unknown filter',
    path: /^(error|status)$/,
    why: 'EC2: InvalidParameterValue; moto has not implemented it',
  },
  { step: 'the first page', path: /./, why: 'moto has no pages of volumes' },
  { step: 'the second page', path: /./, why: 'moto has no pages of volumes' },
  lenient('a page that is too small', 'moto has no pages of volumes'),
  lenient('a page after nothing', 'moto has no pages of volumes'),
  lenient(
    'describe the instance by its volume',
    'the API reference has this filter; moto has not implemented it',
  ),
  lenient('attach again', 'EC2: VolumeInUse'),
  lenient('attach another one under the same name', 'EC2: InvalidParameterValue, the name is in use'),
  lenient(
    'modifications of what was not modified',
    'EC2: InvalidVolumeModification.NotFound; moto: an empty list',
  ),
  lenient('modify to less', 'no volume shrinks in EC2'),
  {
    step: 'modify',
    path: /^VolumeModification\.(ModificationState|Progress|EndTime)$/,
    why: 'in EC2 it takes its time, in moto it is done at once',
  },
  {
    path: /^Volume(s)?Modification(s\.0)?\.(Target|Original)(Iops|VolumeType)$/,
    why: 'EC2 tells type and IOPS of both sides; moto only what was asked for',
  },
  lenient('create from a snapshot with less room', 'EC2: InvalidParameterValue'),
  {
    step: 'detach what is not attached',
    path: /^(error|status)$/,
    why: 'EC2: IncorrectState; moto fails with an error of its own',
  },
];
