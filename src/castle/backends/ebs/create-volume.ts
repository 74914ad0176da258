import { createHash } from 'node:crypto';
import { closeSync, fsyncSync } from 'node:fs';
import type { CreateVolumeCommandInput } from '@aws-sdk/client-ec2';
import type { Native } from '../../../linux/native-addon.ts';
import { describeEc2Error, type Ec2, isEc2Error } from '../../aws/ec2-client.ts';
import type { EmitEvent } from '../../events/event.ts';
import type { NewVolume } from '../volume.ts';
import type { Attachments } from './attachments.ts';
import type { HostDevice, HostDevices } from './host-devices.ts';
import type { VolumeInventory } from './inventory.ts';
import { lockDevice, releaseLimitMs } from './lock-device.ts';
import * as refusals from './refusals.ts';
import { gibibyte } from './settings.ts';
import { type CastleVolume, type EbsVolume, isDeleted, tags, toEbsVolume, toTags } from './volume.ts';
import { type pollingPaces, waitFor } from './wait-for-state.ts';

/** The maximum number of client tokens that are tried for one volume name. */
const tokensOfAName = 20;

/** The dependencies of `VolumeCreator`. */
export interface VolumeCreatorDeps {
  readonly ec2: Ec2;
  readonly inventory: VolumeInventory;
  readonly attachments: Attachments;
  readonly host: HostDevices;
  readonly native: Native;
  readonly cluster: string;
  readonly zone: string;
  readonly instance: string;
  /** Parameters that are the same for every new volume. */
  readonly kind: Pick<CreateVolumeCommandInput, 'VolumeType' | 'Encrypted' | 'KmsKeyId'>;
  readonly pace: ReturnType<typeof pollingPaces>;
  readonly emit: EmitEvent;
}

/** A volume to be created. */
export interface VolumePlan {
  readonly volume: NewVolume;
  readonly sizeBytes: number;
  readonly fileSystem: string;
  /** EC2's id of the snapshot that the volume is created from; undefined: the volume is created blank. */
  readonly snapshot?: string;
  /**
   * Writes the initial content to the disk, for example formats it. The disk is locked, and its serial number was checked.
   */
  readonly fill: (device: HostDevice, fd: number) => Promise<void>;
}

/**
 * Creates volumes. Until a volume is complete, its tags contain the state `creating` and the id of the instance that creates
 * it. No other castle uses such a volume. After an interrupted creation the same instance deletes it: no container has
 * written to it.
 */
export class VolumeCreator {
  /** By volume name: the number of the first client token to try; all lower ones are used up. */
  private readonly firstToken = new Map<string, number>();
  /** By EC2's volume id: the time at which this castle attached each volume that it created. */
  private readonly attachedSince = new Map<string, string>();

  constructor(private readonly deps: VolumeCreatorDeps) {}

  /**
   * Creates a volume, completely or not at all. The volume stays attached for its first mount.
   * @throws RefusalError busy when another castle is creating a volume with this name; backend_failed
   */
  async create(plan: VolumePlan): Promise<CastleVolume> {
    const { name } = plan.volume;
    const made = await this.request(plan).catch((thrown: unknown) => {
      throw refusals.ec2Refused(`volume ${name} cannot be created in EBS`, thrown);
    });
    try {
      const volume = await this.fill(made, plan);
      await this.checkAlone(volume);
      return await this.finish(volume);
    } catch (thrown) {
      await this.tryToDelete(made);
      throw refusals.ec2Refused(`volume ${name} cannot be made ready`, thrown);
    }
  }

  /** Whether this castle created the volume, and the volume has been attached to this instance ever since. */
  wasAlwaysHere({ ec2Id, attachment }: CastleVolume): boolean {
    const since = this.attachedSince.get(ec2Id);
    return since !== undefined && attachment?.instance === this.deps.instance && attachment.since === since;
  }

  /**
   * Detaches and deletes a volume that no container has used.
   * @returns whether the volume is deleted; false when it is in use
   * @throws Error of the EC2 client
   */
  async deleteUnused(volume: CastleVolume): Promise<boolean> {
    const { ec2, host, native, attachments, instance } = this.deps;
    const { ec2Id, attachment } = volume;
    if (attachment !== undefined && attachment.instance !== instance) return false;
    const device = host.find(ec2Id, attachment?.name);
    if (device !== undefined) {
      // A program that an earlier castle started may still be writing to the disk, if that castle was killed.
      const fd = await lockDevice(native, device, releaseLimitMs);
      if (fd === undefined) return false;
      closeSync(fd);
    }
    if (!(await attachments.detach(ec2Id))) return false;
    try {
      await ec2.deleteVolume({ VolumeId: ec2Id });
      this.deps.inventory.forget(ec2Id);
      this.attachedSince.delete(ec2Id);
    } catch (thrown) {
      if (!isEc2Error(thrown, 'InvalidVolume.NotFound')) throw thrown;
    }
    return true;
  }

  private async tryToDelete(volume: CastleVolume): Promise<void> {
    const { name, ec2Id } = volume;
    try {
      const now = (await this.deps.inventory.getCastleVolume(ec2Id)) ?? volume;
      if (await this.deleteUnused(now)) return;
      this.emitUnresolved(name, `the incomplete EBS volume ${ec2Id} cannot be deleted, because it is in use`);
    } catch (thrown) {
      this.emitUnresolved(
        name,
        `the incomplete EBS volume ${ec2Id} cannot be deleted: ${describeEc2Error(thrown)}`,
      );
    }
  }

  private emitUnresolved(volume: string, what: string): void {
    this.deps.emit(`volume ${volume}: ${what}; the next start of the castle tries again`, {
      event: 'volume.unresolved',
      volume,
    });
  }

  /** Requests the volume from EC2, and waits until it is available. */
  private async request(plan: VolumePlan): Promise<CastleVolume> {
    const { name } = plan.volume;
    const first = this.firstToken.get(name) ?? 1;
    for (let n = first; n <= tokensOfAName; n++) {
      this.firstToken.set(name, n);
      const begun = await this.requestWithToken(plan, clientToken(this.deps.cluster, name, n));
      const made = begun === undefined ? undefined : await this.untilAvailable(begun, plan);
      // Otherwise the token was used for an earlier volume with this name, or EC2 could not create the volume: try the next
      // token.
      if (made !== undefined) return made;
    }
    this.firstToken.delete(name);
    throw refusals.tokensUsedUp(name);
  }

  /**
   * Requests the volume with a client token.
   * @returns undefined when the token was used for another request
   */
  private async requestWithToken(plan: VolumePlan, token: string): Promise<EbsVolume | undefined> {
    const { ec2, zone, kind } = this.deps;
    const { volume, sizeBytes, snapshot } = plan;
    try {
      const answer = await ec2.createVolume({
        ...kind,
        AvailabilityZone: zone,
        Size: sizeBytes / gibibyte,
        ClientToken: token,
        ...(snapshot === undefined ? {} : { SnapshotId: snapshot }),
        TagSpecifications: [{ ResourceType: 'volume', Tags: toTags(this.tagsFor(plan, token)) }],
      });
      const made = toEbsVolume(answer);
      // For a token that was used before, EC2 may return the earlier volume; the id shows whether it is the requested one.
      return made.tagged.get(tags.id) === volume.id ? made : undefined;
    } catch (thrown) {
      if (isEc2Error(thrown, 'IdempotentParameterMismatch')) {
        await this.checkToken(token);
        return undefined;
      }
      // The call may have created the volume although its response was lost.
      const found = await waitFor(this.deps.pace.lookup, () => this.byId(volume.id));
      if (found !== undefined) return found;
      throw thrown;
    }
  }

  private async byId(id: string): Promise<CastleVolume | undefined> {
    const [found] = await this.deps.inventory.listByTag(tags.id, id);
    return found;
  }

  /**
   * Handles a token that was used before for a volume with the same name, by another castle at the same time or earlier.
   * @throws RefusalError busy when that volume is still being created
   */
  private async checkToken(token: string): Promise<void> {
    const { inventory, instance, pace } = this.deps;
    const holder = await waitFor(pace.lookup, async () =>
      (await inventory.listByTag(tags.token, token)).at(-1),
    );
    if (holder === undefined || isDeleted(holder) || holder.status === 'error') return;
    if (holder.state === 'creating' && holder.creator === instance) {
      // Left by a failed creation of this instance.
      await this.tryToDelete(holder);
      return;
    }
    throw refusals.stillBeingCreated(holder);
  }

  private tagsFor({ volume, fileSystem }: VolumePlan, token: string): Readonly<Record<string, string>> {
    const { cluster, instance } = this.deps;
    return {
      Name: `${cluster}/${volume.name}`,
      [tags.castle]: cluster,
      [tags.volume]: volume.name,
      [tags.id]: volume.id,
      [tags.state]: 'creating',
      [tags.creator]: instance,
      [tags.fileSystem]: fileSystem,
      [tags.token]: token,
    };
  }

  /** Waits until EC2 has created the volume. @returns undefined when EC2 failed to create it */
  private async untilAvailable(begun: EbsVolume, { volume }: VolumePlan): Promise<CastleVolume | undefined> {
    const { ec2, inventory, pace } = this.deps;
    const made = await waitFor(pace.create, async () => {
      const now = await inventory.getCastleVolume(begun.ec2Id);
      return now?.id === volume.id && now.status !== 'creating' ? now : undefined;
    });
    if (made !== undefined && made.status !== 'error') return made;
    this.deps.emit(
      `volume ${volume.name}: ${begun.ec2Id} ${made === undefined ? 'did not appear in EBS' : 'failed in EBS'}; another EBS volume is created`,
      { event: 'volume.unresolved', volume: volume.name },
    );
    await ec2.deleteVolume({ VolumeId: begun.ec2Id }).catch(() => undefined); // garbage collection retries
    return undefined;
  }

  private async fill(volume: CastleVolume, { sizeBytes, fill }: VolumePlan): Promise<CastleVolume> {
    const { attachments, native, instance, inventory } = this.deps;
    const device = await attachments.attach(volume);
    const fd = await lockDevice(native, device, releaseLimitMs);
    if (fd === undefined) throw refusals.stillDetaching(volume.name, volume.ec2Id);
    try {
      // The last check before anything is written: no other instance may have attached the volume.
      const now = await inventory.getCastleVolume(volume.ec2Id);
      if (now === undefined) throw refusals.volumeGone(volume.name);
      if (now.state !== 'creating' || now.id !== volume.id || now.creator !== instance) {
        throw refusals.wrongState(now);
      }
      if (now.attachment?.since !== undefined) this.attachedSince.set(now.ec2Id, now.attachment.since);
      if (device.sizeBytes !== sizeBytes) throw refusals.notBlank(volume.name, device.path);
      await fill(device, fd);
      fsyncSync(fd);
      return now;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Refuses when another castle has created, or is creating, a volume with the same name. Two castles that start at the same
   * time may both reach this check; then both refuse, and each deletes its own volume.
   */
  private async checkAlone({ name, ec2Id }: CastleVolume): Promise<void> {
    const others = (await this.deps.inventory.listByName(name)).filter(
      (other) => other.ec2Id !== ec2Id && !isDeleted(other) && other.status !== 'error',
    );
    const [other] = others.filter(
      ({ state, creator }) => state === 'ready' || creator !== this.deps.instance,
    );
    if (other !== undefined) throw refusals.stillBeingCreated(other);
  }

  private async finish(volume: CastleVolume): Promise<CastleVolume> {
    await this.deps.ec2.createTags({
      Resources: [volume.ec2Id],
      Tags: toTags({ [tags.state]: 'ready' }),
    });
    return this.deps.inventory.recordTags(volume, { [tags.state]: 'ready' });
  }
}

/** Returns client token number n for a volume name. EC2 limits a token to 64 characters. */
function clientToken(cluster: string, name: string, n: number): string {
  const hash = createHash('sha256').update(`${cluster}/${name}`).digest('hex').slice(0, 40);
  return `castle-${hash}${n === 1 ? '' : `-${n}`}`;
}
