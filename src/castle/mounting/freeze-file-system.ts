import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeEnd, readLines, startProgram } from '../../linux/run-program.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { errnoName, runMountProgram } from './mounter.ts';

/** How long freezing itself may take, in milliseconds: what is dirty is written first. */
const flushWithinMs = 30_000;
/** How long a thaw may take, in milliseconds. */
const thawWithinMs = 10_000;

/** A file system that stands still. */
export interface FrozenFileSystem {
  /**
   * Lets it go on.
   * @returns whether it stood still until now; false when its time was over before, or somebody else ended it
   */
  thaw(): Promise<boolean>;
}

/** A file system that is mounted from a block device. */
export interface DeviceFileSystem {
  /** `major:minor`, as in mountinfo. */
  readonly device: string;
  /** The UUID that it has to have. */
  readonly uuid: string;
}

/** Lets mounted file systems stand still (FIFREEZE, ioctl_fs(2)). */
export interface Freezer {
  /**
   * @param limitMs it goes on by itself after this, in milliseconds, and at once when the castle ends
   * @returns undefined when it is not mounted any more
   * @throws RefusalError backend_failed; it may stand still then, so thaw it
   */
  freeze(what: DeviceFileSystem, limitMs: number): Promise<FrozenFileSystem | undefined>;
  /**
   * Ends a standstill, whoever began it; what does not stand still, or is not mounted, stays as it is.
   * @throws RefusalError backend_failed
   */
  thaw(what: DeviceFileSystem): Promise<void>;
}

/** @param program path of castle-mount */
export function createFreezer(program: string): Freezer {
  async function thaw({ device, uuid }: DeviceFileSystem): Promise<void> {
    const path = devicePath(device);
    if (path === undefined) return;
    const said = await runMountProgram(program, ['thaw', uuid, path], [], thawWithinMs);
    if (said.ok || devicePath(device) === undefined) return;
    // A loop device that has just gone has no file system any more.
    if (said.step === 'identity' || said.step === 'device') return;
    throw new RefusalError(
      'backend_failed',
      `the file system on ${path} cannot be thawed: ${said.step}: ${said.error}`,
      'what writes to it waits until then; fsfreeze --unfreeze on a mount of it does the same',
    );
  }

  return {
    thaw,
    async freeze(what, limitMs) {
      const path = devicePath(what.device);
      if (path === undefined) return undefined;
      const child = startProgram(program, ['freeze', what.uuid, path, String(limitMs)], { env: {} });
      const lines = readLines(child.stdout);

      /** The next line of castle-mount; empty when it ended without one, undefined when there is none in time. */
      async function nextLine(withinMs: number): Promise<string | undefined> {
        const late = sleep(withinMs, undefined, { ref: false });
        const next = await Promise.race([lines.next(), late]);
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
      const last = nextLine(limitMs + thawWithinMs).then(async (word) => {
        // castle-mount thaws before it says anything; without a word it was killed, and nobody else will.
        if (word !== 'thawed' && word !== 'late') await thaw(what);
        return word === 'thawed';
      });
      last.catch(() => undefined); // told to who thaws
      return {
        thaw() {
          child.stdin.end();
          return last;
        },
      };
    },
  };
}

/** @param said castle-mount's `STEP ERRNO`, or what became of it */
function cannotFreeze(path: string, said: string): RefusalError {
  const [, step, errno] = /^(\S+) (\d+)$/.exec(said) ?? [];
  const error = errnoName(Number(errno));
  return new RefusalError(
    'backend_failed',
    `the file system on ${path} cannot stand still for a snapshot: ${
      step === undefined ? said || 'castle-mount was killed' : `${step}: ${error}`
    }`,
    error === 'EBUSY'
      ? 'somebody else has frozen it: fsfreeze --unfreeze ends that'
      : 'see the log of the kernel',
  );
}

/** The path of a block device, by its number; undefined when there is none. */
function devicePath(number: string): string | undefined {
  try {
    const [, name] = /^DEVNAME=(.+)$/m.exec(readFileSync(`/sys/dev/block/${number}/uevent`, 'utf8')) ?? [];
    return name === undefined ? undefined : `/dev/${name}`;
  } catch {
    return undefined;
  }
}
