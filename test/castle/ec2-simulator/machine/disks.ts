import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { open, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The data of volumes and snapshots: one sparse file each, whose apparent size is that of the disk. */
export class Disks {
  readonly #volumes: string;
  readonly #snapshots: string;

  constructor(folder: string) {
    this.#volumes = join(folder, 'volumes');
    this.#snapshots = join(folder, 'snapshots');
    for (const made of [this.#volumes, this.#snapshots]) mkdirSync(made, { recursive: true });
  }

  /** The file of a volume. */
  fileOf(volume: string): string {
    return join(this.#volumes, volume);
  }

  /** Creates a disk: blank, or with the data of a snapshot and unused space after it. */
  async create(volume: string, bytes: number, snapshot?: string): Promise<void> {
    const file = this.fileOf(volume);
    if (snapshot === undefined) await (await open(file, 'w', 0o600)).close();
    else await copy(join(this.#snapshots, snapshot), file);
    await truncate(file, bytes);
  }

  async grow(volume: string, bytes: number): Promise<void> {
    await truncate(this.fileOf(volume), bytes);
  }

  /** Copies the data that has reached the disk; data that the kernel has not written back yet is not included. */
  async snapshot(volume: string, snapshot: string): Promise<void> {
    await copy(this.fileOf(volume), join(this.#snapshots, snapshot));
  }

  /**
   * Replaces a volume's file by a copy under the same path, so that processes that have the old file open write with no
   * effect.
   */
  async partWith(volume: string): Promise<void> {
    await copy(this.fileOf(volume), `${this.fileOf(volume)}.new`);
    await rename(`${this.fileOf(volume)}.new`, this.fileOf(volume));
  }

  async removeVolume(volume: string): Promise<void> {
    await rm(this.fileOf(volume), { force: true });
  }

  async removeSnapshot(snapshot: string): Promise<void> {
    await rm(join(this.#snapshots, snapshot), { force: true });
  }

  has(volume: string): boolean {
    return existsSync(this.fileOf(volume));
  }
}

/** Copies a file: atomically where the file system shares blocks (reflink); elsewhere holes are preserved. */
const copy = (from: string, to: string): Promise<unknown> =>
  run('cp', ['--reflink=auto', '--sparse=always', from, to]);
