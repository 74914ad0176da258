import type { ReplayJournal } from '../mounting/replay-journal.ts';
import type { FileSystem, HeldImage } from './file-system.ts';
import { readIdentity } from './superblock.ts';

/**
 * Gives the copy of a file system a new UUID, after its journal was replayed: the kernel and the castle tell file systems
 * apart by their UUIDs. After a crash it may be called again, and continues.
 * @param before the UUID that the copy still has
 * @param id the one that it gets
 * @throws Error with what is wrong, or a tool's last line
 */
export async function renewUuid(
  copy: HeldImage,
  fileSystem: FileSystem,
  { before, id, replay }: { readonly before: string; readonly id: string; readonly replay: ReplayJournal },
): Promise<void> {
  const found = readIdentity(copy.fd, fileSystem)?.uuid;
  if (found !== before && found !== id) {
    throw new Error(`the file system on ${copy.path} is ${found ?? 'none'}, not ${before}`);
  }
  const asItIs = { ...copy, fileSystem: { type: fileSystem.name, uuid: found } };
  await fileSystem.changeUuid(copy, id, () => replay(asItIs));
  if (readIdentity(copy.fd, fileSystem)?.uuid !== id) throw new Error(`${copy.path} has not got its UUID`);
}
