import { setTimeout as sleep } from 'node:timers/promises';
import { mountsOf } from '../../linux/mountinfo.ts';
import type { Native } from '../../linux/native-addon.ts';
import { hasCapability, identify } from '../../linux/proc.ts';
import { describeEnd, type RunningProgram, readLines, startProgram } from '../../linux/run-program.ts';
import { errorMessage } from '../../terminal/failure.ts';
import { createHoldProcess, type HeldProcess } from '../mounting/held-process.ts';
import type { Mounter } from '../mounting/mounter.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { type Finding, missing, ok } from './finding.ts';
import { capabilityRemedy, sysAdmin } from './permissions.ts';

/** How long each step may take, in milliseconds. */
const stepWithinMs = 10_000;

/**
 * The container of the trial: a mount namespace with a private /tmp, so that nothing is created on the host. It ends after 60 s if
 * the doctor is killed.
 */
const container = [
  ...['--mount', '--propagation', 'private', '--', 'sh', '-c'],
  'mount -t tmpfs castle-doctor /tmp && mkdir /tmp/folder && ln -s folder /tmp/link && echo ready && exec sleep 60',
];

/**
 * Mounts and unmounts a folder in a new mount namespace, with the code that serves leases. This tries the mount API (open_tree,
 * mount_setattr, move_mount), setns, openat2 and pidfds of this kernel with the permissions of this process.
 * @param source a folder of the host
 */
export async function trialFindings(
  native: Native,
  mounter: Mounter,
  source: string,
): Promise<readonly Finding[]> {
  const what = 'mounting in a container';
  let child: RunningProgram;
  try {
    child = await begin();
  } catch (thrown) {
    return [missing(what, errorMessage(thrown), beginRemedy())];
  }
  let held: HeldProcess | undefined;
  try {
    held = createHoldProcess(native)(identify(child.pid ?? 0));
    if (held === undefined) throw new Error('its process has ended before a pidfd could be opened');
    const entrance = held.open();
    try {
      const id = await mounter.mount(entrance, source, '/tmp/folder', {
        readonly: false,
        isMountedElsewhere: false,
      });
      if (mountsOf(child.pid ?? 0)?.some((line) => line.id === id && line.point === '/tmp/folder') !== true) {
        throw new Error('the mount is not at its mount point');
      }
      if (mountsOf('self')?.some((line) => line.id === id) === true)
        throw new Error('the mount is visible on the host');
      await mounter.unmount(entrance, '/tmp/folder', id);
      await mustBeRefused(
        mounter.mount(entrance, source, '/tmp/link', { readonly: false, isMountedElsewhere: false }),
      );
    } finally {
      entrance.close();
    }
    const ended = new Promise<'ended'>((resolve) => held?.onEnd(() => resolve('ended')));
    child.kill();
    if ((await atMost(ended)) === 'late') throw new Error('the pidfd did not report the end of the process');
    return [
      ok(what, `${source} was mounted in a new mount namespace and unmounted; a symlink was refused`),
      ok('end of a container (pidfd)', 'the kernel reported it'),
    ];
  } catch (thrown) {
    const remedy = thrown instanceof RefusalError ? thrown.remedy : 'read the log of the kernel (dmesg)';
    const sentence = thrown instanceof RefusalError ? thrown.sentence : errorMessage(thrown);
    return [missing(what, sentence, remedy)];
  } finally {
    held?.close();
    child.kill();
  }
}

/** What to do when the container of the trial cannot be started. */
const beginRemedy = (): string =>
  hasCapability(sysAdmin)
    ? 'install unshare and mount (util-linux); in a container, also turn off its AppArmor and seccomp profiles (docker run --security-opt apparmor=unconfined --security-opt seccomp=unconfined)'
    : capabilityRemedy(['CAP_SYS_ADMIN']);

/** Starts the container of the trial. @throws Error when it is not ready within stepWithinMs */
async function begin(): Promise<RunningProgram> {
  const child = startProgram('unshare', container);
  const first = await atMost(readLines(child.stdout).next());
  if (first !== 'late' && first.value === 'ready') return child;
  child.kill();
  const end = await child.end;
  if (end.kind === 'not-started') throw new Error(`unshare cannot be run: ${end.error}`);
  throw new Error(child.lastMessage() || `cannot create a mount namespace: ${describeEnd(end)}`);
}

async function mustBeRefused(mounting: Promise<number>): Promise<void> {
  try {
    await mounting;
  } catch (thrown) {
    if (thrown instanceof RefusalError && thrown.code === 'bad_target') return;
    throw thrown;
  }
  throw new Error('a symlink was accepted as a mount point');
}

/** Waits for a promise, with a time limit. The timer keeps the event loop running, which a watched pidfd does not do. */
async function atMost<T>(work: Promise<T>): Promise<T | 'late'> {
  const done = new AbortController();
  const bound = sleep(stepWithinMs, 'late' as const, { signal: done.signal });
  bound.catch(() => undefined); // aborted
  try {
    return await Promise.race([work, bound]);
  } finally {
    done.abort();
  }
}
