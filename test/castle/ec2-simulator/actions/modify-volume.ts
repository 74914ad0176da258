import { gibibyte, type Modification, type Volume } from '../cloud/records.ts';
import { Ec2Error } from '../wire/errors.ts';
import type { Xml } from '../wire/xml.ts';
import type { Action, Call } from './action.ts';
import { typeOf } from './create-volume.ts';
import { volumeOf } from './look-up.ts';

export const modifyVolume: Action = {
  names: ['VolumeId', 'Size', 'VolumeType', 'Iops', 'Throughput', 'DryRun'],
  act(call) {
    const { cloud, parameters, subject } = call;
    const volume = volumeOf(call);
    checkState(call, volume);
    const size = parameters.integer('Size') ?? volume.sizeGiB;
    if (size < volume.sizeGiB) {
      throw new Ec2Error(
        'InvalidParameterValue',
        `New size cannot be smaller than existing size: ${size} GiB < ${volume.sizeGiB} GiB.`,
      );
    }
    const wanted = typeOf(parameters, size, volume.type);
    const fails = cloud.faults.take('modification-fails', subject) !== undefined;
    const modification: Modification = {
      state: 'modifying',
      begun: cloud.time,
      from: sideOf(volume),
      to: sideOf(wanted),
    };
    cloud.state.putVolume({ ...volume, modification });
    cloud.inBackground(`modify ${volume.id}`, async () => {
      if (!(await cloud.wait(cloud.settings.delaysMs.modify))) return;
      if (!fails) await finishModification(call, volume.id);
      else advance(call, volume.id, { state: 'failed', ended: cloud.time });
    });
    return { volumeModification: modificationFields(volume.id, modification) };
  },
};

/** Sets the new size of a volume. It is usable from the state `optimizing` on (EBS User Guide). */
export async function finishModification(call: Pick<Call, 'cloud' | 'devices'>, id: string): Promise<void> {
  const { cloud, devices } = call;
  const { modification } = cloud.state.current.volumes[id] ?? {};
  if (modification === undefined) return;
  const bytes = modification.to.sizeGiB * gibibyte;
  await devices.oneAtATime(id, async () => {
    await cloud.disks.grow(id, bytes);
    await devices.grow(id, bytes);
  });
  advance(call, id, { state: 'optimizing' }, modification.to);
  if (await cloud.wait(cloud.settings.delaysMs.optimize)) {
    advance(call, id, { state: 'completed', ended: cloud.time });
  }
}

function advance(
  { cloud }: Pick<Call, 'cloud'>,
  id: string,
  change: Partial<Modification>,
  to?: Modification['to'],
): void {
  const volume = cloud.state.current.volumes[id];
  if (volume?.modification === undefined) return;
  cloud.state.putVolume({ ...volume, ...to, modification: { ...volume.modification, ...change } });
}

function checkState({ cloud }: Call, { id, state, modification }: Volume): void {
  if (state !== 'available' && state !== 'in-use') {
    throw new Ec2Error('IncorrectState', `Volume '${id}' is in the '${state}' state.`);
  }
  if (modification === undefined || modification.state === 'failed') return;
  if (modification.state === 'modifying' || modification.state === 'optimizing') {
    throw new Ec2Error(
      'IncorrectModificationState',
      `Cannot modify volume ${id} from its current state '${modification.state}'.`,
    );
  }
  const hours = (cloud.clock - Date.parse(modification.begun)) / 3_600_000;
  const wait = cloud.settings.limits.hoursBetweenModifications;
  if (hours < wait) {
    throw new Ec2Error(
      'VolumeModificationRateExceeded',
      `The maximum modification rate of volume ${id} is reached: wait at least ${wait} hours between modifications.`,
    );
  }
}

const sideOf = ({ sizeGiB, type, iops }: Pick<Volume, 'sizeGiB' | 'type' | 'iops'>): Modification['to'] => ({
  sizeGiB,
  type,
  ...(iops === undefined ? {} : { iops }),
});

/** A modification in responses. */
export const modificationFields = (
  volume: string,
  { state, begun, ended, from, to }: Modification,
): { readonly [name: string]: Xml } => ({
  volumeId: volume,
  modificationState: state,
  targetSize: to.sizeGiB,
  targetIops: to.iops,
  targetVolumeType: to.type,
  originalSize: from.sizeGiB,
  originalIops: from.iops,
  originalVolumeType: from.type,
  progress: { modifying: 0, optimizing: 50, completed: 100, failed: 0 }[state],
  startTime: begun,
  endTime: ended,
});
