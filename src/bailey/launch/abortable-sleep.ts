import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits.
 * @param ms milliseconds
 * @throws the signal's reason, as soon as there is one
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
