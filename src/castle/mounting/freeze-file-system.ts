import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeEnd, readLines, startProgram } from '../../linux/run-program.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { errnoName, runMountProgram } from './mounter.ts';

/** How long FIFREEZE may take, in milliseconds. The kernel first writes all dirty pages to the disk. */
const flushWithinMs = 30_000;
/** How long a thaw may take, in milliseconds. */
const thawWithinMs = 10_000;

/** A frozen file system. Processes that write to it block until it is thawed. */
export interface FrozenFileSystem {
  /**
   * Thaws the file system.
   * @returns whether the file system was frozen until this call; false when the time limit or another program thawed it earlier
   */
  thaw(): Promise<boolean>;
}

/** A file system that is mounted from a block device. */
export interface DeviceFileSystem {
  /** `major:minor`, as in mountinfo. */
  readonly device: string;
  /** The UUID that the file system must have. A file system with another UUID is neither frozen nor thawed. */
  readonly uuid: string;
}

/** Freezes and thaws mounted file systems (FIFREEZE and FITHAW, ioctl_fs(2)). */
export interface Freezer {
  /**
   * Freezes a file system. castle-mount thaws it when the time limit is over or when the castle ends.
   * @param limitMs the time limit in milliseconds
   * @returns undefined when the file system is not mounted any more
   * @throws RefusalError backend_failed; the file system may be frozen then, so the caller thaws it
   */
  freeze(fileSystem: DeviceFileSystem, limitMs: number): Promise<FrozenFileSystem | undefined>;
  /**
   * Thaws a file system, even if another program froze it. Does nothing when it is not frozen or not mounted.
   * @throws RefusalError backend_failed
   */
  thaw(fileSystem: DeviceFileSystem): Promise<void>;
}

/** @param program path of castle-mount */
export function createFreezer(program: string): Freezer {
  async function thaw({ device, uuid }: DeviceFileSystem): Promise<void> {
    const path = devicePath(device);
    if (path === undefined) return;
    const result = await runMountProgram(program, ['thaw', uuid, path], [], thawWithinMs);
    if (result.ok || devicePath(device) === undefined) return;
    // The loop device was detached in the meantime, so there is nothing to thaw.
    if (result.step === 'identity' || result.step === 'device') return;
    throw new RefusalError(
      'backend_failed',
      `the file system on ${path} cannot be thawed: ${result.step}: ${result.error}`,
      'processes that write to it wait until it is thawed: run fsfreeze --unfreeze on its mount point',
    );
  }

  return {
    thaw,
    async freeze(fileSystem, limitMs) {
      const path = devicePath(fileSystem.device);
      if (path === undefined) return undefined;
      const child = startProgram(program, ['freeze', fileSystem.uuid, path, String(limitMs)], { env: {} });
      const lines = readLines(child.stdout);

      /** Returns the next line that castle-mount prints; '' when castle-mount ended without a line, undefined after the time limit. */
      async function nextLine(withinMs: number): Promise<string | undefined> {
        const timeout = sleep(withinMs, undefined, { ref: false });
        const next = await Promise.race([lines.next(), timeout]);
        if (next === undefined || next.done !== true) return next?.value;
        const end = await child.end;
        return end.kind === 'not-started' ? describeEnd(end) : '';
      }

      const first = await nextLine(limitMs + flushWithinMs);
      if (first === undefined) {
        child.kill();
        throw cannotFreeze(path, `no answer within ${(limitMs + flushWithinMs) / 1000} s`);
      }
      if (first !== 'frozen') {
        if (first.startsWith('unused ')) return undefined;
        throw cannotFreeze(path, first);
      }
      const thawed = nextLine(limitMs + thawWithinMs).then(async (line) => {
        // castle-mount thaws before it prints this line. Without the line, castle-mount was killed and the file system is still frozen.
        if (line !== 'thawed' && line !== 'late') await thaw(fileSystem);
        return line === 'thawed';
      });
      thawed.catch(() => undefined); // thaw() returns the same promise, and its caller handles the error
      return {
        thaw() {
          child.stdin.end();
          return thawed;
        },
      };
    },
  };
}

/** @param line the output of castle-mount, `STEP ERRNO`; or how castle-mount ended; or '' when castle-mount was killed */
function cannotFreeze(path: string, line: string): RefusalError {
  const [, step, errno] = /^(\S+) (\d+)$/.exec(line) ?? [];
  const error = errnoName(Number(errno));
  return new RefusalError(
    'backend_failed',
    `the file system on ${path} cannot be frozen for a snapshot: ${
      step === undefined ? line || 'castle-mount was killed' : `${step}: ${error}`
    }`,
    error === 'EBUSY'
      ? 'another program has frozen it: run fsfreeze --unfreeze on its mount point'
      : 'see the kernel log (dmesg)',
  );
}

/** Returns the path of the block device with a number; undefined when the device does not exist. */
function devicePath(number: string): string | undefined {
  try {
    const [, name] = /^DEVNAME=(.+)$/m.exec(readFileSync(`/sys/dev/block/${number}/uevent`, 'utf8')) ?? [];
    return name === undefined ? undefined : `/dev/${name}`;
  } catch {
    return undefined;
  }
}
