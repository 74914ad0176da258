import { execFile } from 'node:child_process';
import { constants, readFileSync } from 'node:fs';
import { type FileHandle, open, truncate } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A disk file as a loop device. The kernel frees the device after the last close, and this object keeps it open, so the
 * device is freed when the process ends, even after kill -9, unless it is mounted.
 */
export class LoopDevice {
  /** `loop3` */
  readonly name: string;
  /** `7:3` */
  readonly number: string;
  /** A descriptor of the disk file, which stays valid when another file replaces its path. */
  readonly #disk: FileHandle;
  readonly #hold: FileHandle;

  private constructor(name: string, disk: FileHandle, hold: FileHandle) {
    this.name = name;
    this.number = readFileSync(`/sys/block/${name}/dev`, 'utf8').trim();
    this.#disk = disk;
    this.#hold = hold;
  }

  /**
   * Creates a loop device for a file, or adopts the one of an earlier run that is still mounted.
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
    // loop(4), LOOP_CLR_FD: a device that is open is only marked, and freed at the last close.
    await run('losetup', ['--detach', device]);
    return new LoopDevice(basename(device), await open(file, 'r+'), hold);
  }

  /** Whether the device is mounted or opened with O_EXCL. */
  async isClaimed(): Promise<boolean> {
    try {
      await (await open(`/dev/${this.name}`, constants.O_RDONLY | constants.O_EXCL)).close();
      return false;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EBUSY') return true;
      throw thrown;
    }
  }

  /** Updates the size of the device to that of its file. */
  async grow(): Promise<void> {
    await run('losetup', ['--set-capacity', `/dev/${this.name}`]);
  }

  /**
   * Simulates the removal of the disk: I/O of a mount fails with EIO from now on. The file is truncated, so a copy must
   * have replaced its path before. One sector is left, because kernels before 6.3 check no limit of an empty device.
   */
  async pull(): Promise<void> {
    await truncate(`/proc/self/fd/${this.#disk.fd}`, 512);
    await this.grow();
  }

  /** Closes the device. The kernel frees it when no other process has it open. */
  async release(): Promise<void> {
    await this.#disk.close();
    await this.#hold.close();
  }

  /** Whether the device still belongs to this file. It may have been freed and reused for another one. */
  has(file: string): boolean {
    try {
      return readFileSync(`/sys/block/${this.name}/loop/backing_file`, 'utf8').trim() === file;
    } catch {
      return false;
    }
  }
}
