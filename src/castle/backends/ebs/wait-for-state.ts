import { setTimeout as sleep } from 'node:timers/promises';

/** The pauses and the time limit of polling EC2. */
export interface PollingPace {
  /** The first pause, in milliseconds. */
  readonly firstMs: number;
  /** The factor by which each pause is longer than the one before it. */
  readonly factor: number;
  /** The longest pause, in milliseconds. */
  readonly longestMs: number;
  /** The time limit of the whole wait, in milliseconds. */
  readonly withinMs: number;
}

/** Returns the polling pace for each kind of change in EC2. @param pollMs the base interval, in milliseconds */
export function pollingPaces(
  pollMs: number,
): Record<'attach' | 'detach' | 'create' | 'visible' | 'lookup' | 'modify' | 'snapshot', PollingPace> {
  const pace = (firstMs: number, factor: number, longest: number, within: number): PollingPace => ({
    firstMs,
    factor,
    longestMs: longest * pollMs,
    withinMs: within * pollMs,
  });
  return {
    // An attachment takes some seconds; after 90 s it counts as stuck (with the default interval of 1 s).
    attach: pace(pollMs, 1.8, 10, 90),
    detach: pace(pollMs / 2, 1.5, 5, 40),
    create: pace(pollMs / 2, 1.5, 5, 60),
    // For a change that was made: EC2 is eventually consistent, and some of its servers show the change later.
    visible: pace(pollMs / 2, 1.5, 3, 20),
    // The same, but shorter, for a request that EC2 may never have received.
    lookup: pace(pollMs / 2, 1.5, 2, 5),
    modify: pace(pollMs, 1.8, 10, 300),
    snapshot: pace(pollMs * 2, 1.5, 30, 86_400),
  };
}

/**
 * Polls with growing pauses until `poll` returns a result. The pauses vary at random, so that castles that started at the
 * same time do not poll at the same time.
 * @returns the result; undefined after the time limit
 * @throws what `poll` throws
 */
export async function waitFor<T>(
  { firstMs, factor, longestMs, withinMs }: PollingPace,
  poll: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const endMs = performance.now() + withinMs;
  for (let pauseMs = firstMs; ; pauseMs = Math.min(pauseMs * factor, longestMs)) {
    const found = await poll();
    if (found !== undefined) return found;
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return undefined;
    await sleep(Math.min(leftMs, pauseMs * (0.75 + Math.random() / 2)));
  }
}
