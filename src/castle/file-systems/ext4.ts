import { hasCapability } from '../../linux/proc.ts';
import { requirePrograms, runProgram } from '../../linux/run-program.ts';
import { type CheckResult, type FileSystem, type HeldImage, uuidText } from './file-system.ts';

/** Offsets of fields in the first superblock, in bytes; the kernel's Documentation/filesystems/ext4/super.rst. */
const superblock = {
  at: 1024,
  blocksLow: 4,
  blockShift: 24,
  magic: 56,
  incompatible: 96,
  uuid: 104,
  blocksHigh: 336,
};
/** A bit of the incompatible features: block numbers have 64 bits, and the block count has an upper half. */
const has64Bits = 0x80;
const magic = 0xef53;

/** Bits of the exit code of e2fsck(8). */
const fsckCodes = { corrected: 1, rebootNeeded: 2 };

/** CAP_SYS_RESOURCE; capabilities(7). The kernel requires it to grow a mounted ext4 (ext4_resize_begin). */
const sysResource = 24;

/**
 * ext4, by e2fsprogs. The kernel grows it while it is mounted: resize2fs on an unmounted file system is not safe against a
 * power cut.
 */
export const ext4: FileSystem = {
  name: 'ext4',
  leastBytes: 16 * 2 ** 20,

  requirePrograms: () => requirePrograms(['mkfs.ext4', 'e2fsck', 'tune2fs', 'resize2fs'], 'e2fsprogs'),

  async format({ path, fd }, id, { uid, gid }) {
    // No discard and no lazy initialization: both punch holes into the image, which have no disk space.
    const extended = `nodiscard,lazy_itable_init=0,lazy_journal_init=0,root_owner=${uid}:${gid}`;
    // Blocks have the page size, so that direct I/O is aligned. No blocks are reserved for root, which does not write there.
    const args = ['-q', '-b', '4096', '-m', '0', '-e', 'remount-ro', '-U', id, '-E', extended, path];
    const ended = await runProgram('mkfs.ext4', args, { descriptors: [fd] });
    if (ended.exitCode !== 0) throw new Error(`mkfs.ext4: ${ended.lastLine}`);
  },

  identify(start) {
    const field = (name: keyof typeof superblock) => start.readUInt32LE(superblock.at + superblock[name]);
    if (start.readUInt16LE(superblock.at + superblock.magic) !== magic) return undefined;
    const uuid = superblock.at + superblock.uuid;
    const blocksHigh = (field('incompatible') & has64Bits) === 0 ? 0 : field('blocksHigh');
    return {
      uuid: uuidText(start.subarray(uuid, uuid + 16)),
      sizeBytes: (blocksHigh * 2 ** 32 + field('blocksLow')) * 1024 * 2 ** field('blockShift'),
    };
  },

  whyNoGrowth() {
    return hasCapability(sysResource) ? undefined : 'a mounted ext4 grows only with CAP_SYS_RESOURCE';
  },

  async changeUuid({ path, fd }, id) {
    // tune2fs(8) rewrites every checksum, and requires a full check (e2fsck -f) immediately before.
    const { exitCode, lastLine } = await runProgram('e2fsck', ['-f', '-p', path], { descriptors: [fd] });
    if (exitCode === undefined || (exitCode & ~(fsckCodes.corrected | fsckCodes.rebootNeeded)) !== 0) {
      throw new Error(`e2fsck -f -p: ${lastLine}`);
    }
    await need('tune2fs', ['-U', id, path], fd);
  },

  // The unmounted copy is grown, because growing a mounted ext4 requires CAP_SYS_RESOURCE. If the power fails meanwhile,
  // only a copy that is not in use yet is lost.
  enlarge: ({ path, fd }) => need('resize2fs', [path], fd),

  async check({ path, fd }: HeldImage): Promise<CheckResult> {
    // Replays the journal, and makes only repairs that lose no data (-p).
    const { exitCode, lastLine } = await runProgram('e2fsck', ['-p', path], { descriptors: [fd] });
    if (exitCode === 0) return { kind: 'clean' };
    // "Reboot needed" applies only to mounted file systems, and this one is not mounted.
    if (exitCode !== undefined && (exitCode & ~(fsckCodes.corrected | fsckCodes.rebootNeeded)) === 0) {
      return { kind: 'corrected', how: lastLine };
    }
    return {
      kind: 'damaged',
      why: `e2fsck -p ended with ${exitCode ?? 'a signal'}: ${lastLine}`,
      remedy: `repair a copy of ${path} with e2fsck and check its content, or restore a backup`,
    };
  },
};

async function need(tool: string, args: readonly string[], fd: number): Promise<void> {
  const { exitCode, lastLine } = await runProgram(tool, args, { descriptors: [fd] });
  if (exitCode !== 0) throw new Error(`${tool}: ${lastLine}`);
}
