import type { Owner } from '../backend.ts';
import { ActFailed, type NfsExport } from './export.ts';
import { actFailed, notAFolder } from './refusals.ts';

/** Folders of an export, by paths that begin there. Everything throws RefusalError backend_failed when it can't. */
export class NfsFolders {
  constructor(private readonly server: NfsExport) {}

  /** Whether a folder is there. @throws RefusalError backend_failed when something else is */
  async isThere(path: string): Promise<boolean> {
    const [kind] = await this.act(`${path} cannot be looked at`, ['kind', path]);
    if (kind === 'other') throw notAFolder(this.server.settings, path);
    return kind === 'folder';
  }

  /** The entries of a folder; of one that isn't there, none. */
  list(path: string): Promise<readonly string[]> {
    return this.act(`${path} cannot be read`, ['list', path]);
  }

  /** Makes a folder of the castle's own unless it is there. */
  async need(path: string): Promise<void> {
    await this.act(`${path} cannot be made`, ['folder', path]);
  }

  /** Makes a folder that somebody is to own. @param what begins the sentence of a refusal */
  async make(what: string, path: string, { uid, gid }: Owner): Promise<void> {
    await this.act(what, ['make', path, String(uid), String(gid)]);
  }

  /** Moves a folder; see to it that nothing is where it goes: rename(2) would replace an empty one. */
  async move(what: string, from: string, to: string): Promise<void> {
    await this.act(what, ['move', from, to]);
  }

  /** @returns whether it is gone; false when something is in it */
  async removeEmpty(path: string): Promise<boolean> {
    try {
      await this.server.act(['remove-empty', path]);
      return true;
    } catch (thrown) {
      if (thrown instanceof ActFailed && ['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(thrown.code)) return false;
      throw this.told(`${path} cannot be removed`, thrown);
    }
  }

  /** Removes a folder with everything in it. */
  async removeTree(path: string, withinMs?: number): Promise<void> {
    try {
      await this.server.act(['remove-tree', path], withinMs);
    } catch (thrown) {
      throw this.told(`${path} cannot be removed`, thrown);
    }
  }

  private async act(what: string, args: readonly string[]): Promise<readonly string[]> {
    try {
      return await this.server.act(args);
    } catch (thrown) {
      throw this.told(what, thrown);
    }
  }

  private told(what: string, thrown: unknown): unknown {
    return thrown instanceof ActFailed ? actFailed(this.server.settings, what, thrown.code) : thrown;
  }
}
