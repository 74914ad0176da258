import { setTimeout as sleep } from 'node:timers/promises';

/** How somebody waits for what EC2 is doing. */
export interface PollingPace {
  /** The first pause, in milliseconds. */
  readonly firstMs: number;
  /** Each pause is as many times as long as the one before. */
  readonly factor: number;
  /** The longest one, in milliseconds. */
  readonly longestMs: number;
  /** When to give up, in milliseconds. */
  readonly withinMs: number;
}

/** The paces of all that the castle waits for, from the first pause between two looks, in milliseconds. */
export function pollingPaces(
  pollMs: number,
): Record<'attach' | 'detach' | 'create' | 'settle' | 'glance' | 'modify' | 'snapshot', PollingPace> {
  const pace = (firstMs: number, factor: number, longest: number, within: number): PollingPace => ({
    firstMs,
    factor,
    longestMs: longest * pollMs,
    withinMs: within * pollMs,
  });
  return {
    // An attachment takes some seconds; after 90 it is stuck.
    attach: pace(pollMs, 1.8, 10, 90),
    detach: pace(pollMs / 2, 1.5, 5, 40),
    create: pace(pollMs / 2, 1.5, 5, 60),
    // EC2 is eventually consistent: until all of its servers show a change.
    settle: pace(pollMs / 2, 1.5, 3, 20),
    // The same, for a request that EC2 may never have received.
    glance: pace(pollMs / 2, 1.5, 2, 5),
    modify: pace(pollMs, 1.8, 10, 300),
    snapshot: pace(pollMs * 2, 1.5, 30, 86_400),
  };
}

/**
 * Polls with growing pauses until there is a result. The pauses vary at random, so that castles that started at the same time
 * do not poll at the same time.
 * @returns the result; undefined when the time is over
 * @throws what `look` throws
 */
export async function waitFor<T>(
  { firstMs, factor, longestMs, withinMs }: PollingPace,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const endMs = performance.now() + withinMs;
  for (let pauseMs = firstMs; ; pauseMs = Math.min(pauseMs * factor, longestMs)) {
    const found = await look();
    if (found !== undefined) return found;
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return undefined;
    await sleep(Math.min(leftMs, pauseMs * (0.75 + Math.random() / 2)));
  }
}
