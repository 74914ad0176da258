import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requirePrograms, runProgram } from '../../linux/run-program.ts';
import { type FileSystem, uuidText } from './file-system.ts';

/** Offsets of fields in the first superblock, in bytes; the magic number is at offset 0. */
const superblock = { blockBytes: 4, blocks: 8, uuid: 32 };
const magic = 'XFSB';

/** xfs, by xfsprogs. */
export const xfs: FileSystem = {
  name: 'xfs',
  // mkfs.xfs 5.19 and later refuse a smaller size.
  leastBytes: 300 * 2 ** 20,

  requirePrograms: () => requirePrograms(['mkfs.xfs', 'xfs_admin'], 'xfsprogs'),

  async format({ path, fd, isDevice }, id, { uid, gid }) {
    // A prototype is the only way to set the owner of the root folder without a mount; mkfs.xfs(8). The first line of the
    // prototype and the numbers of the second one are ignored.
    const folder = isDevice === true ? await mkdtemp(join(tmpdir(), 'castle-')) : undefined;
    const prototype = folder === undefined ? `${path}.prototype` : join(folder, 'prototype');
    try {
      await writeFile(prototype, `-\n0 0\nd--755 ${uid} ${gid}\n$\n`);
      // No discard (-K): it punches holes into the image, which have no disk space.
      const args = ['-q', '-K', '-m', `uuid=${id}`, '-p', prototype, path];
      const ended = await runProgram('mkfs.xfs', args, { descriptors: [fd] });
      if (ended.exitCode !== 0) throw new Error(`mkfs.xfs: ${ended.lastLine}`);
    } finally {
      await rm(folder ?? prototype, { force: true, recursive: true });
    }
  },

  identify(start) {
    if (start.toString('latin1', 0, magic.length) !== magic) return undefined;
    return {
      uuid: uuidText(start.subarray(superblock.uuid, superblock.uuid + 16)),
      sizeBytes: Number(start.readBigUInt64BE(superblock.blocks)) * start.readUInt32BE(superblock.blockBytes),
    };
  },

  whyNoGrowth: () => undefined,

  async changeUuid({ path, fd }, id, replay) {
    // A frozen xfs keeps its log dirty on purpose. For a file system with a dirty log, xfs_admin(8) changes nothing but
    // exits with 0, so the caller checks the new UUID.
    await replay();
    const { exitCode, lastLine } = await runProgram('xfs_admin', ['-U', id, path], { descriptors: [fd] });
    if (exitCode !== 0) throw new Error(`xfs_admin: ${lastLine}`);
  },

  // An xfs grows only while mounted; xfs_growfs(8).
  enlarge: async () => undefined,

  // The mount replays the log and refuses a damaged file system; for that reason fsck.xfs(8) does nothing. xfs_repair -n
  // cannot distinguish damage from a log that is not replayed yet.
  check: async () => ({ kind: 'clean' }),
};
