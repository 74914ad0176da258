import { execFile } from 'node:child_process';
import { constants, readFileSync } from 'node:fs';
import { type FileHandle, open, truncate } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A disk file as a block device. The kernel frees the device when nobody has it open any more, and this object has it
 * open: it goes with the process, even after kill -9, unless something has it mounted.
 */
export class LoopDevice {
  /** `loop3` */
  readonly name: string;
  /** `7:3` */
  readonly number: string;
  /** The file, through a descriptor of it: it stays reachable when another file takes its path. */
  readonly #disk: FileHandle;
  readonly #hold: FileHandle;

  private constructor(name: string, disk: FileHandle, hold: FileHandle) {
    this.name = name;
    this.number = readFileSync(`/sys/block/${name}/dev`, 'utf8').trim();
    this.#disk = disk;
    this.#hold = hold;
  }

  /**
   * Makes a device for a file, or takes the one that an earlier life has left because it is mounted.
   * @throws Error when losetup(8) fails
   */
  static async attach(file: string): Promise<LoopDevice> {
    const { stdout: there } = await run('losetup', [
      '--noheadings',
      '--output',
      'NAME',
      '--associated',
      file,
    ]);
    const device =
      there.trim().split('\n')[0] || (await run('losetup', ['--find', '--show', file])).stdout.trim();
    const hold = await open(device, 'r+');
    // loop(4), LOOP_CLR_FD: what somebody has open is only marked, and freed when the last one closes it.
    await run('losetup', ['--detach', device]);
    return new LoopDevice(basename(device), await open(file, 'r+'), hold);
  }

  /** Whether a mount, or somebody else who wants it alone, has the device. */
  async isClaimed(): Promise<boolean> {
    try {
      await (await open(`/dev/${this.name}`, constants.O_RDONLY | constants.O_EXCL)).close();
      return false;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EBUSY') return true;
      throw thrown;
    }
  }

  /** Lets it have the size that its file has now. */
  async grow(): Promise<void> {
    await run('losetup', ['--set-capacity', `/dev/${this.name}`]);
  }

  /**
   * Pulls the disk out: whoever has it mounted gets EIO from now on. The file loses all that is in it, so another one must
   * have its place by now. One sector is left: of an empty device, kernels before 6.3 check no limit.
   */
  async pull(): Promise<void> {
    await truncate(`/proc/self/fd/${this.#disk.fd}`, 512);
    await this.grow();
  }

  /** Lets go of it. It is free when nobody else has it open. */
  async release(): Promise<void> {
    await this.#disk.close();
    await this.#hold.close();
  }

  /** Whether it still has that file; it is another one's when it was freed and taken again. */
  has(file: string): boolean {
    try {
      return readFileSync(`/sys/block/${this.name}/loop/backing_file`, 'utf8').trim() === file;
    } catch {
      return false;
    }
  }
}
