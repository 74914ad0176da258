import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A disk as an instance sees it. */
export interface Disk {
  /** `nvme1n1` or `xvdba`. */
  readonly name: string;
  /** Major and minor number: `7:3`. */
  readonly number: string;
  readonly bytes: number;
  /** The serial number of its NVMe controller; undefined without one (Xen). */
  readonly serial?: string;
}

/** An instance's tree of /sys and /dev: `FOLDER/sys/block/NAME` and `FOLDER/dev/NAME`. */
export class HostTree {
  readonly #blocks: string;
  readonly #nodes: string;
  readonly #taken = new Set<string>();

  constructor(folder: string) {
    this.#blocks = join(folder, 'sys', 'block');
    this.#nodes = join(folder, 'dev');
    for (const made of [this.#blocks, this.#nodes]) mkdirSync(made, { recursive: true });
    // Entries of an earlier run are removed: their device numbers may belong to other devices by now.
    for (const made of [this.#blocks, this.#nodes]) for (const name of readdirSync(made)) this.hide(name);
  }

  /** The names of the visible disks. */
  names(): readonly string[] {
    return readdirSync(this.#blocks);
  }

  /** Reserves the first free name for a new disk. */
  reserve(nameOf: (number: number) => string): string {
    let number = 0;
    while (this.#taken.has(nameOf(number))) number += 1;
    this.#taken.add(nameOf(number));
    return nameOf(number);
  }

  /**
   * Makes a disk visible: first its device node, then its entry in sysfs, each atomically.
   * @throws Error when the folder is on a file system mounted with nodev
   */
  async show(disk: Disk): Promise<void> {
    this.#taken.add(disk.name);
    const node = join(this.#nodes, disk.name);
    rmSync(node, { force: true });
    await run('mknod', ['--mode', '0660', node, 'b', ...disk.number.split(':')]);
    await (await open(node, 'r')).close();
    const made = join(this.#nodes, '..', `.making-${disk.name}`);
    rmSync(made, { recursive: true, force: true });
    mkdirSync(join(made, 'device'), { recursive: true });
    writeFileSync(join(made, 'dev'), `${disk.number}\n`);
    writeFileSync(join(made, 'size'), `${disk.bytes / 512}\n`);
    if (disk.serial !== undefined) writeFileSync(join(made, 'device', 'serial'), `${disk.serial}\n`);
    renameSync(made, join(this.#blocks, disk.name));
  }

  /** Updates the size of a visible disk. */
  resize(name: string, bytes: number): void {
    const file = join(this.#blocks, name, 'size');
    writeFileSync(`${file}.new`, `${bytes / 512}\n`);
    renameSync(`${file}.new`, file);
  }

  /** Removes a disk from the tree. */
  hide(name: string): void {
    this.#taken.delete(name);
    rmSync(join(this.#nodes, name), { force: true });
    rmSync(join(this.#blocks, name), { recursive: true, force: true });
  }

  /** The major and minor number of a visible disk; undefined without one of this name. */
  numberOf(name: string): string | undefined {
    try {
      return readFileSync(join(this.#blocks, name, 'dev'), 'utf8').trim();
    } catch {
      return undefined;
    }
  }
}
