import type { HostTree } from '../machine/host.ts';
import { LoopDevice } from '../machine/loop.ts';
import type { Cloud, Instance } from './cloud.ts';
import { serialOf } from './ids.ts';
import { gibibyte, type Volume } from './records.ts';

/** The disks of volumes as devices of instances. */
export class Plugging {
  readonly #cloud: Cloud;
  /** By volume. */
  readonly #devices = new Map<string, LoopDevice>();
  /** Those that are being taken away. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** The end of what is done with each volume's disk. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** Does something with a volume's disk once all that was to be done with it before has been done. */
  inTurn(volume: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(volume) ?? Promise.resolve()).then(work);
    const end = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(volume) === end) this.#turns.delete(volume);
      });
    this.#turns.set(volume, end);
    return turn;
  }

  /**
   * Lets an instance see a volume's disk.
   * @param shown the volume whose disk it sees: the volume itself, unless something went wrong
   * @param as the name that it had in an earlier life of the program
   * @returns the name of the block device there
   */
  async plug(instance: Instance, asked: string, shown: Volume, as?: string): Promise<string> {
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

  /** Whether something has the disk mounted, or for itself. */
  async isClaimed(volume: string): Promise<boolean> {
    return (await this.#devices.get(volume)?.isClaimed()) ?? false;
  }

  /** Takes the disk away, which nothing may have mounted; returns when its device is another one's to take. */
  unplug(volume: string): Promise<void> {
    return this.#leave(volume, async (device) => {
      await device.release();
      const file = this.#cloud.disks.fileOf(volume);
      // Somebody may have it open without a claim: blkid, udev.
      while (device.has(file) && (await this.#cloud.pass(20)));
    });
  }

  /** Takes the disk away from whatever uses it: that gets errors, and what it had not written back is lost. */
  pull(volume: string): Promise<void> {
    return this.#leave(volume, async (device) => {
      if (this.#cloud.disks.has(volume)) await this.#cloud.disks.partWith(volume);
      await device.pull();
      await device.release();
    });
  }

  /** The disk has become larger. */
  async grow(volume: string, bytes: number): Promise<void> {
    const device = this.#devices.get(volume);
    if (device === undefined) return;
    await device.grow();
    for (const [host, name] of this.#shown(device)) host.resize(name, bytes);
  }

  /** Lets go of all disks: those that are mounted go with their mounts. */
  async end(): Promise<void> {
    for (const device of this.#devices.values()) {
      this.#hide(device);
      await device.release();
    }
    this.#devices.clear();
  }

  /** Takes a disk away, once: who asks again meanwhile waits for the same end, so that no disk has two devices. */
  #leave(volume: string, work: (device: LoopDevice) => Promise<void>): Promise<void> {
    const leaving = this.#leaving.get(volume);
    if (leaving !== undefined) return leaving;
    const device = this.#devices.get(volume);
    if (device === undefined) return Promise.resolve();
    this.#hide(device);
    this.#devices.delete(volume);
    const left = work(device).finally(() => this.#leaving.delete(volume));
    this.#leaving.set(volume, left);
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
