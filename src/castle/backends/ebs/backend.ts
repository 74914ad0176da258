import { closeSync, constants, openSync, realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Native } from '../../../linux/native-addon.ts';
import { formatSize } from '../../../terminal/size.ts';
import { describeEc2Error, type OnEc2Call, openEc2 } from '../../aws/ec2-client.ts';
import { readInstanceMetadata } from '../../aws/instance-metadata.ts';
import type { EmitEvent } from '../../events/event.ts';
import type { FileSystem } from '../../file-systems/file-system.ts';
import { fileSystemNamed } from '../../file-systems/types.ts';
import type { Mounter } from '../../mounting/mounter.ts';
import type { ReplayJournal } from '../../mounting/replay-journal.ts';
import type { Backend } from '../backend.ts';
import { type AttachedDevice, type BlockVolumes, blockBackend } from '../block-backend.ts';
import { checkIdentity } from '../check-identity.ts';
import * as blockRefusals from '../refusals.ts';
import type { NewVolume } from '../volume.ts';
import { attachmentLimit } from './attachment-limits.ts';
import { Attachments } from './attachments.ts';
import { VolumeCreator, type VolumePlan } from './create-volume.ts';
import { DeviceNames } from './device-names.ts';
import type { EbsContext } from './ebs-context.ts';
import { findDevice, findVolume, holdsCastleVolume, requireReadyVolume } from './find-volume.ts';
import { findGarbage } from './garbage.ts';
import { extendVolume } from './grow-volume.ts';
import { type HostDevice, HostDevices } from './host-devices.ts';
import { VolumeInventory } from './inventory.ts';
import { devicesOf } from './list-devices.ts';
import { isBlank, lockDevice, releaseLimitMs } from './lock-device.ts';
import * as refusals from './refusals.ts';
import { releaseUnused } from './release-unused.ts';
import { type EbsSettings, gibibyte } from './settings.ts';
import { ebsSnapshots } from './snapshots.ts';
import { ebsTrash } from './trash.ts';
import type { CastleVolume } from './volume.ts';
import { pollingPaces } from './wait-for-state.ts';

export interface EbsDeps {
  readonly mounter: Mounter;
  readonly native: Native;
  readonly replay: ReplayJournal;
  readonly emit: EmitEvent;
  /** Called after each attempt of each EC2 API call. */
  readonly onEc2Call: OnEc2Call;
}

/**
 * The backend `ebs`: one EBS volume for each volume. Any castle of the same cluster and zone can attach it. The state of a
 * volume is stored in its tags. A disk of this host is used for a volume only when its serial number matches, and is mounted
 * only when the UUID of its file system matches too. The volume is attached before a mount and detached after its last use.
 * @throws Failure config when this host is not an EC2 instance, or a program is missing
 */
export async function ebsBackend(settings: EbsSettings, deps: EbsDeps): Promise<Backend> {
  await settings.fileSystem.requirePrograms();
  const base = realpathSync(settings.dev);
  const context = await assemble({ ...settings, dev: base }, deps);
  return blockBackend(ebsVolumes(settings, base, context), deps.mounter, deps.emit);
}

async function assemble(
  settings: EbsSettings,
  { native, replay, emit, onEc2Call }: EbsDeps,
): Promise<EbsContext> {
  const { cluster, type, encrypted, kmsKey, endpoint, batchMs, pollMs } = settings;
  const here = await readInstanceMetadata(settings.metadata);
  const region = settings.region ?? here.region;
  const ec2 = await openEc2(
    { region, callsPerSecond: settings.callsPerSecond, ...(endpoint === undefined ? {} : { url: endpoint }) },
    onEc2Call,
  );
  const limit = settings.max ?? (await attachmentLimit(ec2, here, (why) => emit(why)));
  const pace = pollingPaces(pollMs);
  const inventory = new VolumeInventory(ec2, cluster, batchMs, pace.visible.withinMs);
  const host = new HostDevices(settings.sys, settings.dev);
  const names = new DeviceNames();
  const [zone, instance] = [settings.zone ?? here.zone, here.id];
  const attachments = new Attachments({ ec2, inventory, host, names, instance, limit, pace, emit });
  const kind = {
    VolumeType: type as never,
    ...(encrypted ? { Encrypted: true } : {}),
    ...(kmsKey === undefined ? {} : { KmsKeyId: kmsKey }),
  };
  const creating = { ec2, inventory, attachments, host, native, cluster, zone, instance, kind, pace, emit };
  const creation = new VolumeCreator(creating);
  return {
    ...{ ec2, inventory, attachments, creation, host, names },
    ...{ native, replay, emit, cluster, zone, instance, pace },
  };
}

function ebsVolumes(settings: EbsSettings, base: string, context: EbsContext): BlockVolumes {
  const { inventory, attachments, creation, host, native, zone, cluster, instance, emit } = context;
  const { fileSystem, sizeBytes, type } = settings;
  return {
    name: 'ebs',
    description: `EBS volumes of ${cluster} in ${zone}, ${type}, ${fileSystem.name}, ${formatSize(sizeBytes)}`,
    base,

    async find(name) {
      const volume = await findVolume(context, name);
      if (volume === undefined) return undefined;
      if (volume.state === 'ready') return { name, id: volume.id };
      // create deletes what an interrupted creation by this instance left. A creation by another instance may still be
      // running.
      if (volume.creator === instance) return undefined;
      throw refusals.stillBeingCreated(volume);
    },

    async create(volume) {
      const there = await findVolume(context, volume.name);
      if (there?.state === 'ready') return;
      if (there !== undefined && (there.creator !== instance || !(await creation.deleteUnused(there)))) {
        throw refusals.stillBeingCreated(there);
      }
      const wanted = wholeSize(volume.sizeBytes ?? sizeBytes);
      await creation.create(newPlan(volume, wanted, fileSystem));
    },

    async discard({ name }) {
      const volume = await findVolume(context, name);
      // A volume that was attached to another instance since its creation may have data.
      return (
        volume === undefined || (creation.wasAlwaysHere(volume) && (await creation.deleteUnused(volume)))
      );
    },

    async attach({ name, id }) {
      try {
        const volume = await requireReadyVolume(context, { name, ...(id === undefined ? {} : { id }) });
        return await hold(native, volume, await attachments.attach(volume));
      } catch (thrown) {
        throw refusals.ec2Refused(`volume ${name} cannot be attached`, thrown);
      }
    },

    // An EBS volume is attached to one instance and mounted in one container at a time.
    attachShared: async () => undefined,

    check: (attached) => fileSystemNamed(attached.fileSystem.type).check(attached),

    async deviceNumber(volume) {
      return (await findDevice(context, volume))?.number;
    },

    extend: (volume, wanted) => extendVolume(context, volume, wholeSize(wanted)),

    async withDevice(volume, use) {
      const known = await requireReadyVolume(context, volume);
      const device = host.find(known.ec2Id, known.attachment?.name);
      if (device === undefined) return;
      const fd = openSync(device.path, constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        await use(imageOf(fd, device, known), device.path);
      } finally {
        closeSync(fd);
      }
    },

    ownsDevice(number) {
      const device = host.findByNumber(number);
      return device !== undefined && holdsCastleVolume(context, device);
    },

    async removeUnfinished() {
      try {
        const unfinished = async () =>
          (await inventory.list()).filter(
            ({ state, creator, zone: there }) =>
              state === 'creating' && creator === instance && there === zone,
          );
        if ((await unfinished()).length === 0) return;
        // EC2 is eventually consistent: it may still show the old state of a volume that an earlier castle has marked as
        // ready.
        await sleep(context.pace.visible.withinMs);
        for (const volume of await unfinished()) {
          const gone = await creation.deleteUnused(volume);
          const what = gone
            ? 'which an earlier castle did not finish, is deleted'
            : 'which an earlier castle did not finish, is still in use';
          emit(`volume ${volume.name}: ${volume.ec2Id}, ${what}`, {
            event: 'volume.unresolved',
            volume: volume.name,
          });
        }
      } catch (thrown) {
        // The castle must start even when EC2 does not answer: containers that have volumes mounted need it.
        emit(`unfinished volumes in EBS cannot be listed: ${describeEc2Error(thrown)}`, {
          event: 'volume.unresolved',
        });
      }
    },

    // Empty, because other hosts of the cluster have volumes in EBS too, and those are not in this castle's store.
    listVolumes: async () => [],
    findGarbage: (isKnown) => findGarbage(context, isKnown),
    trash: ebsTrash(context),
    snapshots: ebsSnapshots(context),
    claims: null,
    hostHold: { releaseUnused: (volume) => releaseUnused(context, volume) },
    devices: { read: () => devicesOf(context) },
    sizes: null, // reading them would need a call of EC2
  };
}

/** Locks the disk of a volume and checks that the disk holds the file system of the volume. */
async function hold(native: Native, volume: CastleVolume, device: HostDevice): Promise<AttachedDevice> {
  const { name } = volume;
  const fd = await lockDevice(native, device, releaseLimitMs);
  if (fd === undefined) throw blockRefusals.stillAttached(name, device.path, device.path);
  try {
    const { path, sizeBytes } = device;
    checkIdentity(fd, { volume: name, path, type: volume.fileSystem, id: volume.id, sizeBytes });
    return { ...imageOf(fd, device, volume), detach: () => closeSync(fd) };
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

function imageOf(fd: number, { path }: HostDevice, { fileSystem, id }: CastleVolume) {
  return { fd, path, isDevice: true as const, fileSystem: { type: fileSystem, uuid: id } };
}

/** Returns the plan for a new volume that gets an empty file system. */
function newPlan(volume: NewVolume, sizeBytes: number, fileSystem: FileSystem): VolumePlan {
  return {
    volume,
    sizeBytes,
    fileSystem: fileSystem.name,
    async fill({ path, sizeBytes: deviceBytes }, fd) {
      if (!isBlank(fd, deviceBytes)) throw refusals.notBlank(volume.name, path);
      await fileSystem.format({ path, fd, isDevice: true }, volume.id, volume.owner);
    },
  };
}

/** Rounds up to a whole GiB, the unit of EBS sizes, so that a volume is never smaller than requested. */
const wholeSize = (sizeBytes: number): number => Math.ceil(sizeBytes / gibibyte) * gibibyte;
