import { hasCapability } from '../../linux/proc.ts';
import { requirePrograms, runProgram } from '../../linux/run-program.ts';
import { type CheckResult, type FileSystem, type HeldImage, uuidText } from './file-system.ts';

/** Where the first superblock has what, in bytes; the kernel's Documentation/filesystems/ext4/super.rst. */
const superblock = {
  at: 1024,
  blocksLow: 4,
  blockShift: 24,
  magic: 56,
  incompatible: 96,
  uuid: 104,
  blocksHigh: 336,
};
/** Among the incompatible features: block numbers have 64 bits, and the count of blocks has an upper half. */
const has64Bits = 0x80;
const magic = 0xef53;

/** Bits of the exit code of e2fsck(8). */
const fsckCodes = { corrected: 1, rebootNeeded: 2 };

/** CAP_SYS_RESOURCE; capabilities(7). The kernel's ext4_resize_begin asks for it. */
const sysResource = 24;

/** ext4, by e2fsprogs. It grows mounted, by the kernel: resize2fs without a mount is not safe from a power cut. */
export const ext4: FileSystem = {
  name: 'ext4',
  leastBytes: 16 * 2 ** 20,

  requirePrograms: () => requirePrograms(['mkfs.ext4', 'e2fsck', 'tune2fs', 'resize2fs'], 'e2fsprogs'),

  async format({ path, fd }, id, { uid, gid }) {
    // No discard and no lazy initialization: both punch holes, which have no disk space.
    const extended = `nodiscard,lazy_itable_init=0,lazy_journal_init=0,root_owner=${uid}:${gid}`;
    // Blocks of the page size, so that direct I/O is aligned; no blocks reserved for root, which does not write there.
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
    return hasCapability(sysResource) ? undefined : 'ext4 grows for CAP_SYS_RESOURCE only';
  },

  async changeUuid({ path, fd }, id) {
    // tune2fs(8) writes every checksum anew, and wants a whole check (-f) just before.
    const { exitCode, lastLine } = await runProgram('e2fsck', ['-f', '-p', path], { descriptors: [fd] });
    if (exitCode === undefined || (exitCode & ~(fsckCodes.corrected | fsckCodes.rebootNeeded)) !== 0) {
      throw new Error(`e2fsck -f -p: ${lastLine}`);
    }
    await need('tune2fs', ['-U', id, path], fd);
  },

  // Not while it is mounted, for which ext4 wants CAP_SYS_RESOURCE: a power cut costs a copy that nobody has yet.
  enlarge: ({ path, fd }) => need('resize2fs', [path], fd),

  async check({ path, fd }: HeldImage): Promise<CheckResult> {
    // Replays the journal; repairs only what can be repaired without losing anything (-p).
    const { exitCode, lastLine } = await runProgram('e2fsck', ['-p', path], { descriptors: [fd] });
    if (exitCode === 0) return { kind: 'clean' };
    // "Reboot needed" is only for mounted file systems, and this one is not mounted.
    if (exitCode !== undefined && (exitCode & ~(fsckCodes.corrected | fsckCodes.rebootNeeded)) === 0) {
      return { kind: 'corrected', how: lastLine };
    }
    return {
      kind: 'damaged',
      why: `e2fsck -p ended with ${exitCode ?? 'a signal'}: ${lastLine}`,
      remedy: `copy ${path}, then let e2fsck repair the copy and look at it, or restore a backup`,
    };
  },
};

async function need(tool: string, args: readonly string[], fd: number): Promise<void> {
  const { exitCode, lastLine } = await runProgram(tool, args, { descriptors: [fd] });
  if (exitCode !== 0) throw new Error(`${tool}: ${lastLine}`);
}
