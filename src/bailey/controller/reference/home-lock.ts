import { closeSync, openSync } from 'node:fs';
import type { Native } from '../../../linux/native-addon.ts';
import { Failure } from '../../../terminal/failure.ts';

/** Whoever fills the home has ended by then, or hangs; the engine starts us again. */
const longestMs = 60_000;
const retryAfterMs = 50;

/** What waiting for a turn needs. */
export interface HomeLockRequest {
  /** JENKINS_HOME, absolute. */
  readonly home: string;
  readonly native: Pick<Native, 'flock'>;
  /** Writes one line to standard error. */
  readonly logLine: (line: string) => void;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/**
 * Waits until no other start fills this home: during a rolling update two containers may share one. They write parts of
 * the same names, and each would take the other's away. Where a file system cannot lock a folder (NFS), nobody waits.
 * @returns a function that ends the turn; so does the end of this process
 * @throws Failure 75 when the other one is not done after a minute; the signal's reason
 */
export async function lockHome({ home, native, logLine, signal }: HomeLockRequest): Promise<() => void> {
  const folder = openIfReadable(home);
  if (folder === undefined) return () => undefined;
  const end = (): void => closeSync(folder);
  try {
    if (isLocked(native, folder))
      await waitForUnlock(() => isLocked(native, folder), { home, logLine, signal });
    return end;
  } catch (thrown) {
    end();
    throw thrown;
  }
}

/** A folder that may be written but not read can be filled all the same. */
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
  const { pause } = await import('../../launch/abortable-sleep.ts'); // here and not above: hardly ever somebody waits
  const endsAt = performance.now() + longestMs;
  logLine(`waiting for another start to finish filling ${home}`);
  do {
    if (performance.now() > endsAt)
      throw new Failure(
        'tryAgain',
        `another start has been filling ${home} for more than ${longestMs / 1000} s`,
        'let one container at a time have it, or end the one that hangs',
      );
    await pause(retryAfterMs, signal);
  } while (isStillLocked());
}
