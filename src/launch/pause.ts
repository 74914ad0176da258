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

/** Rejects with the signal's reason when there is one; for a race with what knows no signal. */
export const abortedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
