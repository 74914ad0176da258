import type { ReplayJournal } from '../mounting/replay-journal.ts';
import type { FileSystem, HeldImage } from './file-system.ts';
import { readIdentity } from './superblock.ts';

/**
 * Gives the copy of a file system a new UUID, after replaying its journal: the kernel and the castle distinguish file
 * systems by their UUIDs. A call after a crash continues an interrupted one.
 * @param before the UUID of the original
 * @param id the new UUID
 * @throws Error with the reason, or with the program's last line of output
 */
export async function renewUuid(
  copy: HeldImage,
  fileSystem: FileSystem,
  { before, id, replay }: { readonly before: string; readonly id: string; readonly replay: ReplayJournal },
): Promise<void> {
  const found = readIdentity(copy.fd, fileSystem)?.uuid;
  if (found !== before && found !== id) {
    throw new Error(`the file system on ${copy.path} has the UUID ${found ?? '(none)'} and not ${before}`);
  }
  const asItIs = { ...copy, fileSystem: { type: fileSystem.name, uuid: found } };
  await fileSystem.changeUuid(copy, id, () => replay(asItIs));
  if (readIdentity(copy.fd, fileSystem)?.uuid !== id)
    throw new Error(`the UUID of ${copy.path} could not be changed`);
}
