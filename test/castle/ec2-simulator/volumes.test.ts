import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeAvailabilityZonesCommand,
  DescribeInstanceTypesCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  paginateDescribeVolumes,
} from '@aws-sdk/client-ec2';
import t from 'tap';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { Account } from './account.ts';
import { Simulator } from './simulator.ts';

const tagged = (name: string) => ({
  TagSpecifications: [{ ResourceType: 'volume' as const, Tags: [{ Key: 'castle.volume', Value: name }] }],
});

if (requires(t, root, loopDevices)) {
  t.test('a client token creates one volume, and filters find volumes by their properties', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const wanted = { ...tagged('main'), ClientToken: 'main-1', VolumeType: 'gp3' as const, Encrypted: true };
    const id = await account.available(wanted);
    t.equal(await account.create(wanted), id, 'the same request returns the same volume');
    await t.rejects(account.create({ ...wanted, Size: 2 }), { name: 'IdempotentParameterMismatch' });
    t.match(await account.describe(id), {
      Size: 1,
      VolumeType: 'gp3',
      Encrypted: true,
      Iops: 3000,
      Throughput: 125,
    });

    const others = [];
    for (let number = 1; number <= 6; number += 1)
      others.push(await account.available(tagged(`other-${number}`)));
    const found = async (...Filters: { readonly Name: string; readonly Values: string[] }[]) =>
      (await account.client.send(new DescribeVolumesCommand({ Filters }))).Volumes?.map(
        ({ VolumeId }) => VolumeId,
      );
    t.same(await found({ Name: 'tag:castle.volume', Values: ['main', 'nothing'] }), [id]);
    t.same(await found({ Name: 'tag:castle.volume', Values: ['other-?'] }), others);
    t.same(
      await found({ Name: 'tag:castle.volume', Values: ['other.?', 'o(ther'] }),
      [],
      'only * and ? are wildcards',
    );
    t.same(
      await found({ Name: 'tag-key', Values: ['castle.volume'] }, { Name: 'volume-type', Values: ['gp3'] }),
      [id],
      'all filters together',
    );
    t.equal(
      (await found({ Name: 'attachment.instance-id', Values: ['i-0a'] }))?.length,
      1,
      "the instance's root volume",
    );
    t.equal((await found({ Name: 'status', Values: ['available'] }))?.length, 7);
    await t.rejects(found({ Name: 'colour', Values: ['red'] }), { name: 'InvalidParameterValue' });

    const sizes = [];
    const all = [];
    for await (const page of paginateDescribeVolumes({ client: account.client, pageSize: 5 }, {})) {
      sizes.push(page.Volumes?.length);
      all.push(...(page.Volumes ?? []).map(({ VolumeId }) => VolumeId));
    }
    t.same(sizes, [5, 3]);
    t.equal(new Set(all).size, 8);
    const paged = (input: object) => account.client.send(new DescribeVolumesCommand(input));
    await t.rejects(paged({ MaxResults: 4 }), { name: 'InvalidParameterValue' });
    await t.rejects(paged({ NextToken: 'x' }), { name: 'InvalidParameterValue' });
    await t.rejects(paged({ MaxResults: 5, VolumeIds: [id] }), { name: 'InvalidParameterCombination' });

    const remove = () => account.client.send(new DeleteVolumeCommand({ VolumeId: id }));
    await remove();
    await until('the volume is deleted', async () =>
      (await simulator.facts()).volumes[id] === undefined ? true : undefined,
    );
    await t.rejects(remove(), { name: 'InvalidVolume.NotFound' });
    t.equal(await account.create(wanted), id, 'the token stays used after the volume is deleted');
  });

  t.test('an impossible creation or deletion is refused with the error code of EC2', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const refused = async (name: string, asked: Promise<unknown>) => t.rejects(asked, { name }, name);
    await refused('MissingParameter', account.create({ Size: undefined }));
    await refused('InvalidParameterValue', account.create({ Size: 0 }));
    await refused('InvalidParameterValue', account.create({ Size: 20_000 }));
    await refused('UnknownVolumeType', account.create({ VolumeType: 'floppy' as 'gp3' }));
    await refused('InvalidZone.NotFound', account.create({ AvailabilityZone: 'eu-central-1x' }));
    await refused('InvalidSnapshot.NotFound', account.create({ SnapshotId: 'snap-0123456789abcdef0' }));
    await refused('InvalidSnapshotID.Malformed', account.create({ SnapshotId: 'backup' }));
    await refused('UnknownParameter', account.create({ OutpostArn: 'arn:aws:outposts:x' }));
    await refused('DryRunOperation', account.create({ DryRun: true }));
    await simulator.set({ limits: { volumes: 1 } });
    await refused('VolumeLimitExceeded', account.create());
    const [rootVolume] = Object.keys((await simulator.facts()).volumes);
    await refused('VolumeInUse', account.client.send(new DeleteVolumeCommand({ VolumeId: rootVolume })));
    t.equal(
      (await simulator.calls('CreateVolume')).at(-1)?.outcome,
      'VolumeLimitExceeded',
      'each call is recorded',
    );
  });

  t.test('tags, zones and instance types are described as in EC2', async (t) => {
    const simulator = await Simulator.start(t, 'i-a,i-b=t2.micro');
    const account = new Account(simulator);
    const id = await account.create(tagged('main'));
    const tags = async () =>
      Object.fromEntries(
        (
          await account.client.send(
            new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id, 'i-a'] }] }),
          )
        ).Tags?.map(({ ResourceId, Key, Value }) => [`${ResourceId} ${Key}`, Value]) ?? [],
      );
    const add = (Resources: string[], Key: string, Value: string) =>
      account.client.send(new CreateTagsCommand({ Resources, Tags: [{ Key, Value }] }));
    await add([id, 'i-a'], 'by', 'castle');
    await add([id], 'castle.volume', 'renamed');
    t.same(await tags(), { [`${id} castle.volume`]: 'renamed', [`${id} by`]: 'castle', 'i-a by': 'castle' });
    await account.client.send(
      new DeleteTagsCommand({
        Resources: [id],
        Tags: [{ Key: 'by', Value: 'another' }, { Key: 'castle.volume' }],
      }),
    );
    t.same(
      await tags(),
      { [`${id} by`]: 'castle', 'i-a by': 'castle' },
      'DeleteTags with another value deletes nothing',
    );
    await t.rejects(add(['vol-0123456789abcdef0'], 'by', 'x'), { name: 'InvalidVolume.NotFound' });
    await t.rejects(add([id], 'aws:by', 'x'), { name: 'InvalidParameterValue' });
    await t.rejects(
      account.client.send(
        new CreateTagsCommand({
          Resources: [id],
          Tags: Array.from({ length: 50 }, (_, number) => ({ Key: `key-${number}`, Value: '' })),
        }),
      ),
      { name: 'TagLimitExceeded' },
    );
    t.same(
      (await account.client.send(new DescribeAvailabilityZonesCommand({}))).AvailabilityZones?.map(
        ({ ZoneName }) => ZoneName,
      ),
      ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'],
    );
    t.match(await account.client.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['m7i.large'] })), {
      InstanceTypes: [{ Hypervisor: 'nitro', EbsInfo: { MaximumEbsAttachments: 32 } }],
    });
    await t.rejects(
      account.client.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['m0.large' as 'm5.large'] })),
      { name: 'InvalidInstanceType' },
    );
  });
}
