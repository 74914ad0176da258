import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Sleeps until the time is over or the signal is aborted.
 * @param ms milliseconds
 * @throws the signal's reason when it is aborted
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
