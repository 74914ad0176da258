/**
 * How long to wait before a retry: exponential, capped, with full jitter. A thousand containers that lost the same
 * castle at the same moment spread over the whole interval instead of coming back together.
 * @param attempt 0 for the wait after the first failure
 * @param random a number in [0, 1)
 * @returns milliseconds, between a tenth of the interval and the whole of it
 */
export function backoffMs(attempt: number, random: number): number {
  const intervalMs = Math.min(firstMs * 2 ** Math.min(attempt, 16), longestMs);
  return Math.ceil(intervalMs * (0.1 + 0.9 * random));
}

const firstMs = 100;
const longestMs = 5_000;
