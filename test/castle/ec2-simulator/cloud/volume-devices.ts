import type { HostTree } from '../machine/host.ts';
import { LoopDevice } from '../machine/loop.ts';
import type { Cloud, Instance } from './cloud.ts';
import { serialOf } from './ids.ts';
import { gibibyte, type Volume } from './records.ts';

/** The loop devices of volumes, and the names under which instances see them. */
export class VolumeDevices {
  readonly #cloud: Cloud;
  /** The loop devices by volume id. */
  readonly #devices = new Map<string, LoopDevice>();
  /** Detachments that are in progress. */
  readonly #detaching = new Map<string, Promise<void>>();
  /** The last operation in each volume's queue. */
  readonly #queues = new Map<string, Promise<void>>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** Runs an operation on a volume's disk after all earlier operations on it. */
  oneAtATime(volume: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#queues.get(volume) ?? Promise.resolve()).then(work);
    const end = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#queues.get(volume) === end) this.#queues.delete(volume);
      });
    this.#queues.set(volume, end);
    return turn;
  }

  /**
   * Attaches a volume's disk to an instance.
   * @param shown the volume whose disk the instance sees: another one if a fault is simulated
   * @param as the block device's name before a restart of the program
   * @returns the name of the block device in the instance
   */
  async attach(instance: Instance, asked: string, shown: Volume, as?: string): Promise<string> {
    const device =
      this.#devices.get(shown.id) ?? (await LoopDevice.attach(this.#cloud.disks.fileOf(shown.id)));
    this.#devices.set(shown.id, device);
    const isNitro = instance.type.hypervisor === 'nitro';
    const name =
      as ??
      (isNitro
        ? instance.host.reserve((number) => `nvme${number}n1`)
        : asked.replace('/dev/', '').replace(/^sd/, 'xvd'));
    await instance.host.show({
      name,
      number: device.number,
      bytes: shown.sizeGiB * gibibyte,
      ...(isNitro ? { serial: serialOf(shown.id) } : {}),
    });
    return name;
  }

  /** Whether the disk is mounted or opened exclusively. */
  async isInUse(volume: string): Promise<boolean> {
    return (await this.#devices.get(volume)?.isClaimed()) ?? false;
  }

  /** Detaches a disk that is not mounted; returns when its device is free. */
  detach(volume: string): Promise<void> {
    return this.#detachOnce(volume, async (device) => {
      await device.release();
      const file = this.#cloud.disks.fileOf(volume);
      // A program such as blkid or udev may still have the device open, without O_EXCL.
      while (device.has(file) && (await this.#cloud.wait(20)));
    });
  }

  /** Detaches a disk that is in use: its user gets I/O errors, and data that was not written back is lost. */
  detachByForce(volume: string): Promise<void> {
    return this.#detachOnce(volume, async (device) => {
      if (this.#cloud.disks.has(volume)) await this.#cloud.disks.partWith(volume);
      await device.pull();
      await device.release();
    });
  }

  /** Updates the device and the instances to the new size of a disk. */
  async grow(volume: string, bytes: number): Promise<void> {
    const device = this.#devices.get(volume);
    if (device === undefined) return;
    await device.grow();
    for (const [host, name] of this.#shown(device)) host.resize(name, bytes);
  }

  /** Releases all disks: those that are mounted disappear with their mounts. */
  async end(): Promise<void> {
    for (const device of this.#devices.values()) {
      this.#hide(device);
      await device.release();
    }
    this.#devices.clear();
  }

  /** Detaches a disk once: a concurrent call waits for the same detachment, so that no disk has two devices. */
  #detachOnce(volume: string, work: (device: LoopDevice) => Promise<void>): Promise<void> {
    const leaving = this.#detaching.get(volume);
    if (leaving !== undefined) return leaving;
    const device = this.#devices.get(volume);
    if (device === undefined) return Promise.resolve();
    this.#hide(device);
    this.#devices.delete(volume);
    const left = work(device).finally(() => this.#detaching.delete(volume));
    this.#detaching.set(volume, left);
    return left;
  }

  #hide(device: LoopDevice): void {
    for (const [host, name] of this.#shown(device)) host.hide(name);
  }

  #shown(device: LoopDevice): readonly (readonly [HostTree, string])[] {
    return [...this.#cloud.instances.values()].flatMap(({ host }) =>
      host
        .names()
        .filter((name) => host.numberOf(name) === device.number)
        .map((name) => [host, name] as const),
    );
  }
}
