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
  /** What its controller says; undefined where there is none to ask (Xen). */
  readonly serial?: string;
}

/** What an instance has of /sys and /dev: `FOLDER/sys/block/NAME` and `FOLDER/dev/NAME`. */
export class HostTree {
  readonly #blocks: string;
  readonly #nodes: string;
  readonly #taken = new Set<string>();

  constructor(folder: string) {
    this.#blocks = join(folder, 'sys', 'block');
    this.#nodes = join(folder, 'dev');
    for (const made of [this.#blocks, this.#nodes]) mkdirSync(made, { recursive: true });
    // What an earlier life has left may be the number of somebody else's device by now.
    for (const made of [this.#blocks, this.#nodes]) for (const name of readdirSync(made)) this.hide(name);
  }

  /** The disks that are shown. */
  names(): readonly string[] {
    return readdirSync(this.#blocks);
  }

  /** Takes the first name of a row that no disk has, for one that is to be shown. */
  reserve(nameOf: (number: number) => string): string {
    let number = 0;
    while (this.#taken.has(nameOf(number))) number += 1;
    this.#taken.add(nameOf(number));
    return nameOf(number);
  }

  /**
   * Shows a disk: first as a device node, then in sysfs, each at once.
   * @throws Error when the folder is on a file system without devices (nodev)
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

  /** The same disk has another size now. */
  resize(name: string, bytes: number): void {
    const file = join(this.#blocks, name, 'size');
    writeFileSync(`${file}.new`, `${bytes / 512}\n`);
    renameSync(`${file}.new`, file);
  }

  /** The disk is gone. */
  hide(name: string): void {
    this.#taken.delete(name);
    rmSync(join(this.#nodes, name), { force: true });
    rmSync(join(this.#blocks, name), { recursive: true, force: true });
  }

  /** Major and minor number of what is there under that name. */
  numberOf(name: string): string | undefined {
    try {
      return readFileSync(join(this.#blocks, name, 'dev'), 'utf8').trim();
    } catch {
      return undefined;
    }
  }
}
