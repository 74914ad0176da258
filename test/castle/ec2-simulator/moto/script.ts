import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeAvailabilityZonesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeSnapshotsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  DetachVolumeCommand,
  type EC2Client,
  ModifyVolumeCommand,
} from '@aws-sdk/client-ec2';
import { until } from '../../../kit/until.ts';

/** The outcome of a call: the answer, or the error's code and HTTP status. */
export type Outcome = Readonly<Record<string, unknown>>;

/** The service that receives the calls. */
export interface Place {
  readonly client: EC2Client;
  /** An instance of type m5.large, and its zone. */
  readonly instance: string;
  readonly zone: string;
}

/**
 * Sends the same calls in the same order to the simulator or moto.
 * @returns the outcome of each call by its name
 */
export async function followScript({ client, instance, zone }: Place): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  /** Runs one step. The type of the answer is loose, because an incomplete answer is an outcome too. */
  const step = async (name: string, sent: Promise<object>): Promise<Outcome> => {
    const outcome = await sent.then(
      (answer): Outcome => ({ ...answer }),
      (error: {
        readonly name: string;
        readonly $metadata?: { readonly httpStatusCode?: number };
      }): Outcome => ({
        error: error.name,
        status: error.$metadata?.httpStatusCode,
      }),
    );
    outcomes.set(name, outcome);
    return outcome;
  };
  const volumes = async (input: object) =>
    (await client.send(new DescribeVolumesCommand(input))).Volumes ?? [];
  const settle = (VolumeId: string, State: string) =>
    until(
      `${VolumeId} is ${State}`,
      async () => (await volumes({ VolumeIds: [VolumeId] }))[0]?.State === State || undefined,
    );
  const unknown = {
    volume: 'vol-0123456789abcdef0',
    snapshot: 'snap-0123456789abcdef0',
    instance: 'i-0123456789abcdef0',
  };
  const tags = (ResourceType: 'volume' | 'snapshot', Value: string) => [
    { ResourceType, Tags: [{ Key: 'castle.volume', Value }] },
  ];
  const base = { Size: 1, AvailabilityZone: zone };
  const create = (input: object) => client.send(new CreateVolumeCommand({ ...base, ...input }));
  const attach = (VolumeId: string, Device = '/dev/xvdba', InstanceId = instance) =>
    client.send(new AttachVolumeCommand({ VolumeId, Device, InstanceId }));
  const named = (Name: string, ...Values: string[]) => ({ Filters: [{ Name, Values }] });

  await step('zones', client.send(new DescribeAvailabilityZonesCommand({ ZoneNames: [zone] })));
  await step(
    'an unknown zone',
    client.send(new DescribeAvailabilityZonesCommand({ ZoneNames: ['moon-1a'] })),
  );
  await step('a type', client.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['m5.large'] })));
  await step(
    'an unknown type',
    client.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['m0.large' as 'm5.large'] })),
  );

  const wanted = { VolumeType: 'gp3', Encrypted: false };
  const created = await step('create', create({ ...wanted, TagSpecifications: tags('volume', 'main') }));
  const main = String(created['VolumeId']);
  await settle(main, 'available');
  const once = { ...wanted, ClientToken: 'once', TagSpecifications: tags('volume', 'once') };
  const first = await step('create with a token', create(once));
  await settle(String(first['VolumeId']), 'available');
  const second = await step('create with the same token', create(once));
  outcomes.set('the same token is the same volume', { isSame: second['VolumeId'] === first['VolumeId'] });
  await step('create with the same token and another size', create({ ...once, Size: 2 }));
  await step('create without a size', create({ Size: undefined }));
  await step('create without a zone', create({ AvailabilityZone: undefined }));
  await step('create of no known type', create({ VolumeType: 'floppy' }));
  await step('create in an unknown zone', create({ AvailabilityZone: 'moon-1a' }));
  await step('create from an unknown snapshot', create({ SnapshotId: unknown.snapshot }));
  await step('create from what is no snapshot', create({ SnapshotId: 'backup' }));
  await step('create as a trial', create({ DryRun: true }));
  await step('tags for something else at creation', create({ TagSpecifications: tags('snapshot', 'x') }));

  const describe = (input: object) => client.send(new DescribeVolumesCommand(input));
  await step('describe', describe({ VolumeIds: [main] }));
  await step('describe by a tag', describe(named('tag:castle.volume', 'main')));
  await step('describe by a pattern', describe(named('tag:castle.volume', 'm*n')));
  await step('describe by another tag', describe(named('tag:castle.volume', 'other')));
  await step(
    'describe by the key of a tag',
    describe({
      Filters: [
        { Name: 'tag-key', Values: ['castle.volume'] },
        { Name: 'tag:castle.volume', Values: ['main'] },
      ],
    }),
  );
  await step('describe by size', describe(named('size', '77')));
  await step('describe by an unknown filter', describe(named('colour', 'red')));
  await step('describe an unknown volume', describe({ VolumeIds: [main, unknown.volume] }));
  await step('describe what is no volume', describe({ VolumeIds: ['disk'] }));
  const paged = [];
  for (let number = 0; number < 6; number += 1) {
    const { VolumeId: id = '' } = await create({ TagSpecifications: tags('volume', 'paged') });
    await settle(id, 'available');
    paged.push(id);
  }
  const page = await step(
    'the first page',
    describe({ ...named('tag:castle.volume', 'paged'), MaxResults: 5 }),
  );
  await step(
    'the second page',
    describe({ ...named('tag:castle.volume', 'paged'), MaxResults: 5, NextToken: page['NextToken'] }),
  );
  await step('a page that is too small', describe({ MaxResults: 4 }));
  await step('a page after nothing', describe({ MaxResults: 5, NextToken: 'nothing' }));

  await step('attach', attach(main));
  await settle(main, 'in-use');
  await until(
    'the volume is attached',
    async () =>
      (await volumes({ VolumeIds: [main] }))[0]?.Attachments?.[0]?.State === 'attached' || undefined,
  );
  await step('describe what is attached', describe({ VolumeIds: [main] }));
  await step(
    'describe by instance',
    describe({
      Filters: [
        { Name: 'attachment.instance-id', Values: [instance] },
        { Name: 'attachment.device', Values: ['/dev/xvdba'] },
        { Name: 'attachment.status', Values: ['attached'] },
        { Name: 'status', Values: ['in-use'] },
      ],
    }),
  );
  await step('describe the instance', client.send(new DescribeInstancesCommand({ InstanceIds: [instance] })));
  await step(
    'describe the instance by its volume',
    client.send(new DescribeInstancesCommand(named('block-device-mapping.volume-id', main))),
  );
  await step(
    'describe an unknown instance',
    client.send(new DescribeInstancesCommand({ InstanceIds: [unknown.instance] })),
  );
  await step('attach an unknown volume', attach(unknown.volume));
  await step('attach to an unknown instance', attach(paged[1] as string, '/dev/xvdbc', unknown.instance));
  const remove = (VolumeId: string) => client.send(new DeleteVolumeCommand({ VolumeId }));
  await step('delete what is attached', remove(main));

  const both = [main, paged[2] as string];
  const tag = { Key: 'by', Value: 'castle' };
  await step(
    'tag',
    client.send(new CreateTagsCommand({ Resources: both, Tags: [tag, { Key: 'empty', Value: '' }] })),
  );
  await step(
    'tag an unknown volume',
    client.send(new CreateTagsCommand({ Resources: [unknown.volume], Tags: [tag] })),
  );
  await step('describe tags', client.send(new DescribeTagsCommand(named('resource-id', main))));
  await step(
    'untag',
    client.send(
      new DeleteTagsCommand({ Resources: both, Tags: [{ Key: 'empty' }, { Key: 'by', Value: 'other' }] }),
    ),
  );
  await step(
    'describe the tags that are left',
    client.send(new DescribeTagsCommand(named('resource-id', main))),
  );

  const modifications = (input: object) => client.send(new DescribeVolumesModificationsCommand(input));
  await step('modifications of what was not modified', modifications({ VolumeIds: [main] }));
  await step('modify', client.send(new ModifyVolumeCommand({ VolumeId: main, Size: 3 })));
  await until(
    'the volume is modified',
    async () =>
      (await modifications({ VolumeIds: [main] })).VolumesModifications?.[0]?.ModificationState ===
        'completed' || undefined,
  );
  await step('modifications', modifications({ VolumeIds: [main] }));
  await step('describe what was modified', describe({ VolumeIds: [main] }));
  await step(
    'modify an unknown volume',
    client.send(new ModifyVolumeCommand({ VolumeId: unknown.volume, Size: 2 })),
  );

  const snapshots = (input: object) => client.send(new DescribeSnapshotsCommand(input));
  const snapshotted = await step(
    'snapshot',
    client.send(
      new CreateSnapshotCommand({
        VolumeId: main,
        Description: 'nightly',
        TagSpecifications: tags('snapshot', 'main'),
      }),
    ),
  );
  const snapshot = String(snapshotted['SnapshotId']);
  await until(
    'the snapshot is completed',
    async () =>
      (await snapshots({ SnapshotIds: [snapshot] })).Snapshots?.[0]?.State === 'completed' || undefined,
  );
  await step('describe snapshots', snapshots({ SnapshotIds: [snapshot], OwnerIds: ['self'] }));
  await step('describe snapshots by a tag', snapshots(named('tag:castle.volume', 'main')));
  await step('describe snapshots by their volume', snapshots(named('volume-id', main)));
  await step('describe an unknown snapshot', snapshots({ SnapshotIds: [unknown.snapshot] }));
  await step('describe what is no snapshot', snapshots({ SnapshotIds: ['backup'] }));
  await step(
    'snapshot of an unknown volume',
    client.send(new CreateSnapshotCommand({ VolumeId: unknown.volume })),
  );
  const copy = await step('create from a snapshot', create({ SnapshotId: snapshot, Size: undefined }));
  await settle(String(copy['VolumeId']), 'available');
  await step('create from a snapshot with less room', create({ SnapshotId: snapshot, Size: 1 }));
  await step('delete a snapshot', client.send(new DeleteSnapshotCommand({ SnapshotId: snapshot })));
  await step('delete it again', client.send(new DeleteSnapshotCommand({ SnapshotId: snapshot })));

  const detach = (VolumeId: string, more = {}) => client.send(new DetachVolumeCommand({ VolumeId, ...more }));
  await step('detach from another instance', detach(main, { InstanceId: unknown.instance }));
  await step('detach', detach(main, { InstanceId: instance }));
  await settle(main, 'available');
  await step('describe what is detached', describe({ VolumeIds: [main] }));
  await step('detach what is not attached', detach(main));
  await step('detach an unknown volume', detach(unknown.volume));
  await step('delete', remove(main));
  await until('the volume is deleted', () =>
    volumes({ VolumeIds: [main] }).then(
      () => undefined,
      () => true,
    ),
  );
  await step('delete what is deleted', remove(main));

  // These steps come last: moto executes them and EC2 refuses them, so later steps would differ.
  const spare = paged[3] as string;
  await attach(spare);
  await settle(spare, 'in-use');
  await step('attach another one under the same name', attach(paged[4] as string));
  await step('attach again', attach(spare, '/dev/xvdbb'));
  await step(
    'modify to less',
    client.send(new ModifyVolumeCommand({ VolumeId: String(copy['VolumeId']), Size: 2 })),
  );
  return outcomes;
}
