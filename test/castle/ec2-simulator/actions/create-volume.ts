import { newId } from '../cloud/ids.ts';
import { gibibyte, type Volume } from '../cloud/records.ts';
import { Ec2Error, invalidValue } from '../wire/errors.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { Action, Call } from './action.ts';
import { snapshotOf } from './look-up.ts';
import { specifiedTags } from './tags.ts';
import { volumeFields } from './volume-answers.ts';

/** The limits of sizes in GiB, from CreateVolume in the EC2 API reference. */
const types: Readonly<
  Record<string, { readonly min: number; readonly max: number; readonly iops?: number }>
> = {
  gp2: { min: 1, max: 16_384, iops: 100 },
  gp3: { min: 1, max: 65_536, iops: 3000 },
  io1: { min: 4, max: 16_384 },
  io2: { min: 4, max: 65_536 },
  st1: { min: 125, max: 16_384 },
  sc1: { min: 125, max: 16_384 },
  standard: { min: 1, max: 1024 },
};

export const createVolume: Action = {
  names: [
    ...[
      'Size',
      'SnapshotId',
      'AvailabilityZone',
      'VolumeType',
      'Encrypted',
      'KmsKeyId',
      'Iops',
      'Throughput',
    ],
    ...['ClientToken', 'TagSpecification', 'DryRun', 'MultiAttachEnabled'],
  ],
  async act(call) {
    const { cloud, parameters, subject } = call;
    const token = parameters.text('ClientToken');
    const asked = JSON.stringify(parameters.entries());
    const spent = token === undefined ? undefined : cloud.state.current.tokens[token];
    if (spent !== undefined) {
      if (spent.parameters !== asked) {
        throw new Ec2Error(
          'IdempotentParameterMismatch',
          'The client token has been used with other parameters than those of this request.',
        );
      }
      // The token identifies that volume even after the volume was deleted.
      return volumeFields(cloud.state.current.volumes[spent.volume.id] ?? spent.volume);
    }
    const volume = wanted(call);
    if (Object.keys(cloud.state.current.volumes).length >= cloud.settings.limits.volumes) {
      throw new Ec2Error('VolumeLimitExceeded', 'Maximum number of active volumes in the account exceeded');
    }
    const fails = cloud.faults.take('create-fails', subject);
    cloud.state.change({
      volumes: { ...cloud.state.current.volumes, [volume.id]: volume },
      ...(token === undefined
        ? {}
        : { tokens: { ...cloud.state.current.tokens, [token]: { parameters: asked, volume } } }),
    });
    cloud.inBackground(`create ${volume.id}`, async () => {
      if (fails === undefined) await finishCreation(call, volume.id);
      else if (await cloud.wait(cloud.settings.delaysMs.create)) {
        if (fails.vanishes) cloud.state.removeVolume(volume.id);
        else cloud.state.putVolume({ ...volume, state: 'error' });
      }
    });
    return volumeFields(volume);
  },
};

/** Creates the disk of a new volume. */
export async function finishCreation({ cloud }: Pick<Call, 'cloud'>, id: string): Promise<void> {
  const { sizeGiB, snapshot } = cloud.state.current.volumes[id] as Volume;
  await cloud.disks.create(id, sizeGiB * gibibyte, snapshot);
  if (!(await cloud.wait(cloud.settings.delaysMs.create))) return;
  const volume = cloud.state.current.volumes[id];
  if (volume?.state === 'creating') cloud.state.putVolume({ ...volume, state: 'available' });
}

/** The volume that a request describes. */
function wanted(call: Call): Volume {
  const { cloud, parameters } = call;
  const zone = parameters.required('AvailabilityZone');
  if (!cloud.zones.includes(zone)) {
    throw new Ec2Error('InvalidZone.NotFound', `The zone '${zone}' does not exist.`);
  }
  const snapshot = parameters.text('SnapshotId') === undefined ? undefined : snapshotOf(call);
  if (snapshot !== undefined && snapshot.state !== 'completed') {
    throw new Ec2Error('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`);
  }
  const size = parameters.integer('Size') ?? snapshot?.sizeGiB;
  if (size === undefined) {
    throw new Ec2Error('MissingParameter', 'The request must contain the parameter size/snapshot');
  }
  if (snapshot !== undefined && size < snapshot.sizeGiB) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The volume size is less than that of the snapshot: ${size} GiB < ${snapshot.sizeGiB} GiB.`,
    );
  }
  return {
    id: newId('vol'),
    state: 'creating',
    zone,
    ...typeOf(parameters, size),
    encrypted: parameters.flag('Encrypted') ?? snapshot?.encrypted ?? false,
    ...(snapshot === undefined ? {} : { snapshot: snapshot.id }),
    created: cloud.time,
    tags: specifiedTags(parameters, 'volume'),
  };
}

/** Validates type, size and performance, which depend on each other. */
export function typeOf(
  parameters: Parameters,
  sizeGiB: number,
  before?: string,
): Pick<Volume, 'type' | 'sizeGiB' | 'iops' | 'throughput'> {
  const type = parameters.text('VolumeType') ?? before ?? 'gp2';
  const limits = types[type];
  if (limits === undefined)
    throw new Ec2Error('UnknownVolumeType', `Unsupported volume type '${type}' for volume creation.`);
  if (sizeGiB < limits.min || sizeGiB > limits.max) {
    throw invalidValue(
      'size',
      String(sizeGiB),
      `must be between ${limits.min} and ${limits.max} GiB for ${type}`,
    );
  }
  const iops =
    parameters.integer('Iops') ??
    (type === 'gp2' ? Math.min(Math.max(100, 3 * sizeGiB), 16_000) : limits.iops);
  const throughput = parameters.integer('Throughput') ?? (type === 'gp3' ? 125 : undefined);
  if (iops === undefined && type.startsWith('io')) {
    throw new Ec2Error('MissingParameter', `The parameter iops must be specified for ${type} volumes.`);
  }
  return {
    type,
    sizeGiB,
    ...(iops === undefined ? {} : { iops }),
    ...(throughput === undefined ? {} : { throughput }),
  };
}
