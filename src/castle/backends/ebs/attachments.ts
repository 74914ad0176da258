import { describeEc2Error, type Ec2, ec2Code, isEc2Error } from '../../aws/ec2-client.ts';
import type { EmitEvent } from '../../events/event.ts';
import type { DeviceNames } from './device-names.ts';
import type { HostDevice, HostDevices } from './host-devices.ts';
import type { VolumeInventory } from './inventory.ts';
import * as refusals from './refusals.ts';
import type { Attachment, CastleVolume, EbsVolume } from './volume.ts';
import { type pollingPaces, waitFor } from './wait-for-state.ts';

/** How many device names are tried for one volume before the attachment fails. */
const namesToTry = 4;
/** How long a device name is avoided after it was refused, in milliseconds. */
const avoidMs = 3_600_000;
/**
 * How long a device name is excluded after an attachment with it never completed, in milliseconds: EC2 may still be working
 * on that attachment.
 */
const stuckAvoidMs = 86_400_000;

/** The dependencies of `Attachments`. */
export interface AttachmentDeps {
  readonly ec2: Ec2;
  readonly inventory: VolumeInventory;
  readonly host: HostDevices;
  readonly names: DeviceNames;
  /** EC2's id of this instance. */
  readonly instance: string;
  /** The maximum number of volumes that can be attached at once, without the root volume. */
  readonly limit: number;
  readonly pace: ReturnType<typeof pollingPaces>;
  readonly emit: EmitEvent;
}

/** Attaches volumes to this instance and detaches them. A detach is never forced: it waits until nothing uses the device. */
export class Attachments {
  constructor(private readonly deps: AttachmentDeps) {}

  /**
   * Attaches a volume to this instance unless it is attached already.
   * @param volume the current state of the volume, from EC2
   * @returns the disk, whose serial number is that of the volume
   * @throws RefusalError volume_in_use when another instance has the volume attached, and names that instance; busy;
   *   backend_failed. The volume is not attached then
   */
  async attach(volume: CastleVolume): Promise<HostDevice> {
    const { instance } = this.deps;
    let now: EbsVolume = volume;
    const { attachment } = volume;
    if (attachment !== undefined) {
      if (attachment.instance !== instance && attachment.state !== 'detaching') {
        throw refusals.attachedElsewhere(volume, attachment);
      }
      if (attachment.state === 'attached') return this.waitForDevice(volume, attachment.name);
      if (attachment.state === 'attaching') return this.waitUntilAttached(volume, attachment.name);
      // A host, possibly this one, is detaching the volume.
      now = await this.waitUntilDetached(volume);
    }
    for (let tried = 1; ; tried++) {
      const name = await this.requestAttachment(volume, now, tried === namesToTry);
      if (name !== undefined) return this.waitUntilAttached(volume, name);
    }
  }

  /**
   * Detaches a volume from this instance. Its device must not be in use.
   * @returns whether the volume is detached
   * @throws Error of the EC2 client
   */
  async detach(ec2Id: string): Promise<boolean> {
    const { ec2, instance, pace, inventory } = this.deps;
    try {
      await ec2.detachVolume({ VolumeId: ec2Id, InstanceId: instance });
    } catch (thrown) {
      // The volume is not attached, or does not exist.
      if (!isEc2Error(thrown, 'IncorrectState', 'InvalidAttachment.NotFound', 'InvalidVolume.NotFound')) {
        throw thrown;
      }
    }
    const gone = await waitFor(pace.detach, async () => {
      const volume = await inventory.get(ec2Id);
      return volume?.attachment?.instance === instance ? undefined : true;
    });
    return gone === true;
  }

  /** Waits until EC2 has completed the detach of a volume. */
  private async waitUntilDetached(volume: CastleVolume): Promise<EbsVolume> {
    const { inventory, pace } = this.deps;
    let last: Attachment | undefined;
    const free = await waitFor(pace.detach, async () => {
      const now = await inventory.get(volume.ec2Id);
      if (now === undefined) throw refusals.volumeGone(volume.name);
      last = now.attachment;
      return last === undefined ? now : undefined;
    });
    if (free !== undefined) return free;
    if (last !== undefined && last.instance !== this.deps.instance) {
      throw refusals.attachedElsewhere(volume, last);
    }
    throw refusals.stillDetaching(volume.name, volume.ec2Id);
  }

  /**
   * Requests the attachment from EC2.
   * @param isLast whether a refused device name makes the attachment fail
   * @returns the device name; undefined when EC2 refused that name
   */
  private async requestAttachment(
    volume: CastleVolume,
    now: EbsVolume,
    isLast: boolean,
  ): Promise<string | undefined> {
    const { ec2, inventory, names, instance, limit, pace } = this.deps;
    const there = await inventory.listAttached(instance);
    const taken = new Set(there.flatMap(({ attachment }) => attachment?.name ?? []));
    // The root volume does not count towards the limit.
    const others = there.filter(({ attachment }) => !/^\/dev\/(xvda|sda1?)$/.test(attachment?.name ?? ''));
    if (others.length >= limit) throw refusals.tooManyAttached(volume.name, instance, limit);
    const name = names.reserve(taken);
    if (name === undefined) throw refusals.noNameLeft(volume.name, instance);
    try {
      // EC2 is eventually consistent: it may not find a volume that was just created.
      const begun = await waitFor(pace.visible, async () => {
        try {
          await ec2.attachVolume({ VolumeId: now.ec2Id, InstanceId: instance, Device: name });
          return name;
        } catch (thrown) {
          if (isEc2Error(thrown, 'InvalidVolume.NotFound', 'IncorrectState')) return undefined;
          if (isEc2Error(thrown, 'VolumeInUse')) return this.nameIfAttachedHere(volume);
          throw thrown;
        }
      });
      if (begun === undefined) throw refusals.volumeGone(volume.name);
      return begun;
    } catch (thrown) {
      if (isEc2Error(thrown, 'AttachmentLimitExceeded')) {
        throw refusals.tooManyAttached(volume.name, instance, others.length);
      }
      // EC2 uses this code when the device name is in use.
      if (isEc2Error(thrown, 'InvalidParameterValue') && !isLast) {
        this.avoidName(name, `EC2 refuses it: ${describeEc2Error(thrown)}`, false);
        return undefined;
      }
      throw refusals.ec2Refused(`volume ${volume.name} cannot be attached as ${name}`, thrown);
    } finally {
      names.release(name);
    }
  }

  /**
   * Returns the device name if the volume is attached to this instance. Called when EC2 reports the volume as in use: either
   * an earlier call of this castle, whose response was lost, attached it, or another host did.
   */
  private async nameIfAttachedHere(volume: CastleVolume): Promise<string | undefined> {
    const { attachment } = (await this.deps.inventory.get(volume.ec2Id)) ?? {};
    if (attachment === undefined) return undefined;
    if (attachment.instance !== this.deps.instance) throw refusals.attachedElsewhere(volume, attachment);
    return attachment.name;
  }

  /** Waits until EC2 has attached the volume. */
  private async waitUntilAttached(volume: CastleVolume, name: string): Promise<HostDevice> {
    const { inventory, instance, pace } = this.deps;
    const { ec2Id } = volume;
    const attached = await waitFor(pace.attach, async () => {
      const now = await inventory.get(ec2Id);
      const attachment = now?.attachment;
      if (attachment !== undefined && attachment.instance !== instance) {
        throw refusals.attachedElsewhere(volume, attachment);
      }
      return attachment?.state === 'attached' ? true : undefined;
    });
    if (attached === true) return this.waitForDevice(volume, name);
    this.avoidName(name, 'an attachment with this name did not complete', true);
    await this.tryToDetach(volume);
    throw refusals.attachmentTimedOut(
      volume.name,
      ec2Id,
      'attaching',
      Math.round(pace.attach.withinMs / 1000),
    );
  }

  /** Waits until the kernel shows the disk of the volume. */
  private async waitForDevice(volume: CastleVolume, name: string): Promise<HostDevice> {
    const { host, names, pace } = this.deps;
    const device = await waitFor({ ...pace.visible, firstMs: pace.visible.firstMs / 10 }, async () =>
      host.find(volume.ec2Id, name),
    );
    if (device !== undefined) {
      names.succeeded(name);
      return device;
    }
    this.avoidName(
      name,
      'EC2 attached a volume with this name, but its disk did not appear on this host',
      false,
    );
    await this.tryToDetach(volume);
    throw refusals.noSuchDevice(volume.name, volume.ec2Id, name);
  }

  private async tryToDetach({ name, ec2Id }: CastleVolume): Promise<void> {
    try {
      if (await this.detach(ec2Id)) return;
      this.deps.emit(`volume ${name} (${ec2Id}) cannot be detached from this instance`, {
        event: 'device.busy',
        volume: name,
      });
    } catch (thrown) {
      this.deps.emit(`volume ${name} (${ec2Id}) cannot be detached: ${describeEc2Error(thrown)}`, {
        event: 'device.busy',
        volume: name,
        code: ec2Code(thrown),
      });
    }
  }

  private avoidName(name: string, why: string, never: boolean): void {
    this.deps.names.avoid(name, why, never ? stuckAvoidMs : avoidMs, never);
    this.deps.emit(`device name ${name} is not used for some time: ${why}`, { event: 'device.name-avoided' });
  }
}
