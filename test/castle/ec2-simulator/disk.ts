import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { output, run } from '../../kit/docker.ts';
import type { Simulator } from './simulator.ts';

/** A disk of a simulated instance that a test mounts on this host. */
export class MountedDisk {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Mounts a disk; the test's teardown unmounts it if necessary.
   * @param block the name of its block device in the instance
   * @param isBlank whether to create a file system first
   */
  static async mount(t: Test, simulator: Simulator, block: string, isBlank = false, instance?: string) {
    const device = join(simulator.instance(instance).host, 'dev', block);
    if (isBlank) await output('mkfs.ext4', '-q', device);
    const folder = mkdtempSync(join(simulator.folder, 'mnt-'));
    t.teardown(() => run('umount', ['--quiet', folder]));
    await output('mount', '-t', 'ext4', device, folder);
    return new MountedDisk(folder);
  }

  read(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8');
  }

  /** Writes a file and flushes it to the disk. @throws Error when the disk is gone */
  async write(name: string, text: string): Promise<void> {
    writeFileSync(join(this.#folder, name), text);
    await output('sync', '--file-system', this.#folder);
  }

  async unmount(): Promise<void> {
    await output('umount', this.#folder);
  }
}
