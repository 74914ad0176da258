import { type Ec2, ec2Code, ec2Words, isEc2Error } from '../../aws/ec2-client.ts';
import type { EmitEvent } from '../../events/event.ts';
import type { DeviceNames } from './device-names.ts';
import type { Attachment, EbsVolume, OurVolume } from './volume.ts';
import type { HostDevice, HostDevices } from './host-devices.ts';
import type { Inventory } from './inventory.ts';
import * as refusals from './refusals.ts';
import { type paces, waitFor } from './wait-for-state.ts';

/** How many device names are tried for one volume before it is given up. */
const namesToTry = 4;
/** How long a bad device name is avoided, in milliseconds. */
const avoidMs = 3_600_000;
/** How long one is not used at all whose attachment never ended, in milliseconds: EC2 may still be about it. */
const neverMs = 86_400_000;

/** What attachments are made with. */
export interface AttachmentMeans {
  readonly ec2: Ec2;
  readonly inventory: Inventory;
  readonly host: HostDevices;
  readonly names: DeviceNames;
  /** EC2's id of this instance. */
  readonly instance: string;
  /** As many volumes can be attached at once. */
  readonly limit: number;
  readonly pace: ReturnType<typeof paces>;
  readonly emit: EmitEvent;
}

/** Volumes on their way to this instance and back. Never by force: a detach waits for the last user. */
export class Attachments {
  constructor(private readonly means: AttachmentMeans) {}

  /**
   * Attaches a volume to this instance, unless it is there.
   * @param volume as EC2 told of it just now
   * @returns its disk, whose serial is that of the volume
   * @throws RefusalError volume_in_use with the instance that has it; busy; backend_failed, and it is not attached then
   */
  async attach(volume: OurVolume): Promise<HostDevice> {
    const { instance } = this.means;
    let now: EbsVolume = volume;
    const { attachment } = volume;
    if (attachment !== undefined) {
      if (attachment.instance !== instance && attachment.state !== 'detaching') {
        throw refusals.attachedElsewhere(volume, attachment);
      }
      if (attachment.state === 'attached') return this.arrived(volume, attachment.name);
      if (attachment.state === 'attaching') return this.arrive(volume, attachment.name);
      // A host lets go of it, and that may be this one.
      now = await this.untilFree(volume);
    }
    for (let tried = 1; ; tried++) {
      const name = await this.begin(volume, now, tried === namesToTry);
      if (name !== undefined) return this.arrive(volume, name);
    }
  }

  /**
   * Detaches a volume from this instance. Nobody may use its disk any more.
   * @returns whether it is not attached here any more
   * @throws Error of EC2
   */
  async detach(ec2Id: string): Promise<boolean> {
    const { ec2, instance, pace, inventory } = this.means;
    try {
      await ec2.detachVolume({ VolumeId: ec2Id, InstanceId: instance });
    } catch (thrown) {
      // It is not attached, or it isn't there at all.
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

  /** Waits until a volume that is being detached is free. */
  private async untilFree(volume: OurVolume): Promise<EbsVolume> {
    const { inventory, pace } = this.means;
    let last: Attachment | undefined;
    const free = await waitFor(pace.detach, async () => {
      const now = await inventory.get(volume.ec2Id);
      if (now === undefined) throw refusals.volumeGone(volume.name);
      last = now.attachment;
      return last === undefined ? now : undefined;
    });
    if (free !== undefined) return free;
    if (last !== undefined && last.instance !== this.means.instance) {
      throw refusals.attachedElsewhere(volume, last);
    }
    throw refusals.stillDetaching(volume.name, volume.ec2Id);
  }

  /**
   * Asks EC2 to attach it.
   * @param isLast whether a bad name is the end of it
   * @returns the device name; undefined when that was bad
   */
  private async begin(volume: OurVolume, now: EbsVolume, isLast: boolean): Promise<string | undefined> {
    const { ec2, inventory, names, instance, limit, pace } = this.means;
    const there = await inventory.attachedTo(instance);
    const taken = new Set(there.flatMap(({ attachment }) => attachment?.name ?? []));
    // The root volume has a name of its own kind, and counts for itself.
    const others = there.filter(({ attachment }) => !/^\/dev\/(xvda|sda1?)$/.test(attachment?.name ?? ''));
    if (others.length >= limit) throw refusals.tooManyAttached(volume.name, instance, limit);
    const name = names.take(taken);
    if (name === undefined) throw refusals.noNameLeft(volume.name, instance);
    try {
      // A volume that was made just now may not be known everywhere.
      const begun = await waitFor(pace.settle, async () => {
        try {
          await ec2.attachVolume({ VolumeId: now.ec2Id, InstanceId: instance, Device: name });
          return name;
        } catch (thrown) {
          if (isEc2Error(thrown, 'InvalidVolume.NotFound', 'IncorrectState')) return undefined;
          if (isEc2Error(thrown, 'VolumeInUse')) return this.nameHere(volume);
          throw thrown;
        }
      });
      if (begun === undefined) throw refusals.volumeGone(volume.name);
      return begun;
    } catch (thrown) {
      if (isEc2Error(thrown, 'AttachmentLimitExceeded')) {
        throw refusals.tooManyAttached(volume.name, instance, others.length);
      }
      // That the name is in use is told with this code.
      if (isEc2Error(thrown, 'InvalidParameterValue') && !isLast) {
        this.bad(name, `EC2 refuses it: ${ec2Words(thrown)}`, false);
        return undefined;
      }
      throw refusals.ec2Refused(`volume ${volume.name} cannot be attached as ${name}`, thrown);
    } finally {
      names.giveBack(name);
    }
  }

  /** EC2 says that it is attached already: to us, by a call whose answer was lost; or to somebody who was faster. */
  private async nameHere(volume: OurVolume): Promise<string | undefined> {
    const { attachment } = (await this.means.inventory.get(volume.ec2Id)) ?? {};
    if (attachment === undefined) return undefined;
    if (attachment.instance !== this.means.instance) throw refusals.attachedElsewhere(volume, attachment);
    return attachment.name;
  }

  /** Waits until EC2 has attached it. */
  private async arrive(volume: OurVolume, name: string): Promise<HostDevice> {
    const { inventory, instance, pace } = this.means;
    const { ec2Id } = volume;
    const attached = await waitFor(pace.attach, async () => {
      const now = await inventory.get(ec2Id);
      const attachment = now?.attachment;
      if (attachment !== undefined && attachment.instance !== instance) {
        throw refusals.attachedElsewhere(volume, attachment);
      }
      return attachment?.state === 'attached' ? true : undefined;
    });
    if (attached === true) return this.arrived(volume, name);
    this.bad(name, 'a volume that was to have it was never attached', true);
    await this.takeBack(volume);
    throw refusals.stuck(volume.name, ec2Id, 'attaching', Math.round(pace.attach.withinMs / 1000));
  }

  /** Waits until the kernel has its disk. */
  private async arrived(volume: OurVolume, name: string): Promise<HostDevice> {
    const { host, names, pace } = this.means;
    const device = await waitFor({ ...pace.settle, firstMs: pace.settle.firstMs / 10 }, async () =>
      host.find(volume.ec2Id, name),
    );
    if (device !== undefined) {
      names.worked(name);
      return device;
    }
    this.bad(name, 'EC2 had attached a volume by it, and this host did not get its disk', false);
    await this.takeBack(volume);
    throw refusals.noSuchDevice(volume.name, volume.ec2Id, name);
  }

  private async takeBack({ name, ec2Id }: OurVolume): Promise<void> {
    try {
      if (await this.detach(ec2Id)) return;
      this.means.emit(`volume ${name} (${ec2Id}) cannot be taken back from this instance`, {
        event: 'device.busy',
        volume: name,
      });
    } catch (thrown) {
      this.means.emit(`volume ${name} (${ec2Id}) cannot be taken back: ${ec2Words(thrown)}`, {
        event: 'device.busy',
        volume: name,
        code: ec2Code(thrown),
      });
    }
  }

  private bad(name: string, why: string, never: boolean): void {
    this.means.names.failed(name, why, never ? neverMs : avoidMs, never);
    this.means.emit(`device name ${name} is avoided for some time: ${why}`, { event: 'device.name-avoided' });
  }
}
