import { closeSync, openSync } from 'node:fs';
import type { Native } from '../../../linux/native-addon.ts';
import { Failure } from '../../../terminal/failure.ts';

/** How long to wait for the lock, in milliseconds. A start that holds it longer probably hangs. */
const maxWaitMs = 60_000;
const retryIntervalMs = 50;

/** The input of {@link lockHome}. */
export interface HomeLockRequest {
  /** JENKINS_HOME, absolute. */
  readonly home: string;
  readonly native: Pick<Native, 'flock'>;
  /** Writes one line to standard error. */
  readonly logLine: (line: string) => void;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/**
 * Locks JENKINS_HOME so that only one start fills it at a time: during a rolling update two containers may share one, and
 * would overwrite each other's temporary files. File systems without locks on directories (NFS) are not locked.
 * @returns a function that unlocks; the end of this process also unlocks
 * @throws Failure 75 when another start holds the lock for more than a minute; the signal's reason
 */
export async function lockHome({ home, native, logLine, signal }: HomeLockRequest): Promise<() => void> {
  const folder = openIfReadable(home);
  if (folder === undefined) return () => undefined;
  const unlock = (): void => closeSync(folder);
  try {
    if (isLocked(native, folder))
      await waitForUnlock(() => isLocked(native, folder), { home, logLine, signal });
    return unlock;
  } catch (thrown) {
    unlock();
    throw thrown;
  }
}

/** A directory without read permission is used without a lock. */
function openIfReadable(folder: string): number | undefined {
  try {
    return openSync(folder, 'r');
  } catch {
    return undefined;
  }
}

function isLocked(native: Pick<Native, 'flock'>, folder: number): boolean {
  try {
    return !native.flock(folder);
  } catch {
    return false;
  }
}

async function waitForUnlock(
  isStillLocked: () => boolean,
  { home, logLine, signal }: Omit<HomeLockRequest, 'native'>,
): Promise<void> {
  const { pause } = await import('../../launch/abortable-sleep.ts'); // dynamic: rarely needed
  const endsAt = performance.now() + maxWaitMs;
  logLine(`waiting for another start to finish filling ${home}`);
  do {
    if (performance.now() > endsAt)
      throw new Failure(
        'tryAgain',
        `another start has been filling ${home} for more than ${maxWaitMs / 1000} s`,
        'let only one container at a time use it, or end the one that hangs',
      );
    await pause(retryIntervalMs, signal);
  } while (isStillLocked());
}
