import { readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { runTool, type ToolEnded } from '../tool.ts';
import { type FileSystem, type HeldImage, superblockBytes } from './file-system.ts';

/**
 * Gives the copy of a file system a UUID of its own, once its journal is replayed: two with the same one can't be told from
 * each other. Repeated after a crash, it goes on where it was.
 * @param before the UUID that the copy still has
 * @param id the one that it gets
 * @throws Error with what is wrong, or a tool's last line
 */
export async function renewUuid(
  copy: HeldImage,
  fileSystem: FileSystem,
  before: string,
  id: string,
): Promise<void> {
  const found = identify(copy, fileSystem);
  if (found !== before && found !== id) {
    throw new Error(`the file system on ${copy.path} is ${found ?? 'none'}, not ${before}`);
  }
  await renew[fileSystem.name](copy, id);
  if (identify(copy, fileSystem) !== id) throw new Error(`${copy.path} has not got its UUID`);
}

const renew: Readonly<Record<FileSystem['name'], (copy: HeldImage, id: string) => Promise<void>>> = {
  async ext4({ path, fd }, id) {
    // tune2fs(8) changes a UUID only right after a whole check; 1 and 2 say that something was put right.
    const checked = await runTool('e2fsck', ['-f', '-p', path], fd);
    if (checked.code === undefined || checked.code > 2) throw failed('e2fsck', checked);
    need('tune2fs', await runTool('tune2fs', ['-U', id, path], fd));
  },
  async xfs({ path, fd }, id) {
    // xfs_admin(8) refuses a log that is not replayed, and only a mount replays it: in a mount namespace of its own, which
    // ends with mount(8), and over a folder that stays what it is.
    const mount = ['mount', '-t', 'xfs', '-o', 'nouuid,nosuid,nodev', path, tmpdir()];
    need('mount', await runTool('unshare', ['--mount', ...mount], fd));
    need('xfs_admin', await runTool('xfs_admin', ['-U', id, path], fd));
  },
};

function identify({ fd }: HeldImage, fileSystem: FileSystem): string | undefined {
  const start = Buffer.alloc(superblockBytes);
  readSync(fd, start, 0, start.length, 0);
  return fileSystem.identify(start)?.uuid;
}

function need(tool: string, ended: ToolEnded): void {
  if (ended.code !== 0) throw failed(tool, ended);
}

const failed = (tool: string, { code, lastLine }: ToolEnded): Error =>
  new Error(`${tool} ended with ${code ?? 'a signal'}: ${lastLine}`);
