import { type FoundMount, mountsBelow, type SourceFolder } from '../mountinfo.ts';

/**
 * Counts the mounts of all volumes in all mount namespaces. A count takes some milliseconds on a host with many
 * processes, so requests that wait for one at the same time share it; each gets one that began after it asked.
 */
export class Census {
  private next: Promise<readonly FoundMount[]> | undefined;

  /** @param base the folder that holds the volumes */
  constructor(private readonly base: SourceFolder) {}

  /** Where a volume's folder is mounted now. */
  async of(source: SourceFolder): Promise<readonly FoundMount[]> {
    this.next ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.next = undefined;
        try {
          resolve(mountsBelow(this.base));
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
    const all = await this.next;
    return all.filter(({ mount }) => mount.device === source.device && mount.root === source.root);
  }
}
