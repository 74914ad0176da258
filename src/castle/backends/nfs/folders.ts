import type { Owner } from '../backend.ts';
import { type NfsExport, NfsOperationError } from './export.ts';
import { notAFolder, operationFailed } from './refusals.ts';

/** Folders on an export, by paths relative to the export. Every failed method throws RefusalError backend_failed. */
export class NfsFolders {
  constructor(private readonly server: NfsExport) {}

  /** Whether a folder exists. @throws RefusalError backend_failed when something else has its name */
  async exists(path: string): Promise<boolean> {
    const [kind] = await this.run(`${path} cannot be examined`, ['kind', path]);
    if (kind === 'other') throw notAFolder(this.server.settings, path);
    return kind === 'folder';
  }

  /** Returns the entries of a folder; none when the folder does not exist. */
  list(path: string): Promise<readonly string[]> {
    return this.run(`${path} cannot be read`, ['list', path]);
  }

  /** Creates a folder for the castle's own use unless it exists. */
  async ensure(path: string): Promise<void> {
    await this.run(`${path} cannot be created`, ['folder', path]);
  }

  /** Creates a folder with an owner. @param what begins the message of a refusal */
  async create(what: string, path: string, { uid, gid }: Owner): Promise<void> {
    await this.run(what, ['make', path, String(uid), String(gid)]);
  }

  /** Moves a folder. The caller checks that the new path does not exist: rename(2) would replace an empty folder. */
  async move(what: string, from: string, to: string): Promise<void> {
    await this.run(what, ['move', from, to]);
  }

  /** Removes a folder if it is empty. @returns whether it no longer exists; false when it is not empty */
  async removeEmpty(path: string): Promise<boolean> {
    try {
      await this.server.run(['remove-empty', path]);
      return true;
    } catch (thrown) {
      if (thrown instanceof NfsOperationError && ['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(thrown.code))
        return false;
      throw this.toRefusal(`${path} cannot be removed`, thrown);
    }
  }

  /** Removes a folder and its content. @param withinMs the time limit, in milliseconds */
  async removeTree(path: string, withinMs?: number): Promise<void> {
    try {
      await this.server.run(['remove-tree', path], withinMs);
    } catch (thrown) {
      throw this.toRefusal(`${path} cannot be removed`, thrown);
    }
  }

  private async run(what: string, args: readonly string[]): Promise<readonly string[]> {
    try {
      return await this.server.run(args);
    } catch (thrown) {
      throw this.toRefusal(what, thrown);
    }
  }

  private toRefusal(what: string, thrown: unknown): unknown {
    return thrown instanceof NfsOperationError
      ? operationFailed(this.server.settings, what, thrown.code)
      : thrown;
  }
}
