/** A difference between the simulator and moto, and which of the two behaves like EC2. */
export interface Difference {
  /** The step of the script. Default: every step. */
  readonly step?: string;
  /** The part of the answer. */
  readonly path: RegExp;
  readonly why: string;
}

/** moto executes a request that EC2 refuses. */
const lenient = (step: string, why: string): Difference => ({ step, path: /^error$/, why });

/**
 * The known differences to moto 5.2.5. Sources: the EC2 API reference, its list of error codes, and the EBS User Guide.
 * Where moto is right and the castle does not need it, the reason says that.
 */
export const differences: readonly Difference[] = [
  { path: /MultiAttachEnabled$/, why: 'a member of every Volume in the API reference; moto has none' },
  {
    path: /Throughput$/,
    why: 'gp3 has a throughput (125 MiB/s by default); moto returns it only if the request had it',
  },
  {
    path: /^(Volumes\.\d\.)?SnapshotId$/,
    why: 'EC2 returns an empty snapshotId for a blank volume; moto returns none',
  },
  {
    path: /^(Volumes\.\d\.)?Iops$/,
    why: 'the IOPS of gp2 depend on its size; moto returns them only if the request had them',
  },
  { path: /DeleteOnTermination$/, why: 'a member of every VolumeAttachment; moto has none' },
  {
    path: /^(State|Progress)$/,
    why: 'EC2 has transitional states such as creating and pending; moto completes operations immediately',
  },
  {
    path: /^Attachments\.length$/,
    why: 'moto returns an empty list of attachments from CreateVolume, EC2 returns none',
  },
  {
    step: 'zones',
    path: /\.(ZoneId|ZoneType|Messages)\b/,
    why: 'EC2 returns these as moto does; the castle does not use them',
  },
  {
    step: 'a type',
    path: /^InstanceTypes\.0\.(?!InstanceType$|Hypervisor$|BareMetal$|EbsInfo\.(Max|Att|Nvme|Enc))/,
    why: 'processors, memory, network and speed of a type, which moto copied from EC2; the castle does not use them',
  },
  {
    step: 'describe the instance',
    path: /\.(DeviceName|RootDeviceName)$/,
    why: "the name of a root device, /dev/xvda or /dev/sda1, depends on the instance's image",
  },
  {
    step: 'describe the instance',
    path: /\.Hypervisor$/,
    why: 'an m5.large uses Nitro; moto returns xen for every instance',
  },
  {
    step: 'describe the instance',
    path: /^Reservations\.0\.(Groups|Instances\.0\.(ClientToken|EbsOptimized|Network|Security|Source|Sriov|StateReason|StateTransition|Virtualization|Metadata|ImageId|P(rivate|ublic|latform|roductCodes|lacement\.GroupName)|AmiLaunchIndex|LaunchTime|Monitoring|SubnetId|VpcId))/,
    why: 'network, image and other properties of an instance, which EC2 returns as well; the castle does not use them',
  },
  lenient('an unknown zone', 'EC2: InvalidParameterValue; moto: an empty list'),
  lenient('create without a zone', 'the zone is required'),
  lenient('create of no known type', 'EC2: UnknownVolumeType; moto creates a volume of that type'),
  lenient('create in an unknown zone', 'EC2: InvalidZone.NotFound'),
  lenient('tags for something else at creation', 'EC2 accepts tags only for the resource that is created'),
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
    why: 'a modification takes time in EC2; moto completes it immediately',
  },
  {
    path: /^Volume(s)?Modification(s\.0)?\.(Target|Original)(Iops|VolumeType)$/,
    why: 'EC2 returns type and IOPS before and after; moto returns only what the request had',
  },
  lenient('create from a snapshot with less room', 'EC2: InvalidParameterValue'),
  {
    step: 'detach what is not attached',
    path: /^(error|status)$/,
    why: 'EC2: IncorrectState; moto fails with an error of its own',
  },
];
