/**
 * Returns the pause before a retry: exponential, capped, with jitter. If a thousand containers lose the same castle at once,
 * their retries spread over the whole interval.
 * @param attempt 0 for the wait after the first failure
 * @param random a number in [0, 1)
 * @returns milliseconds, between a tenth of the interval and the whole of it
 */
export function backoffMs(attempt: number, random: number): number {
  const intervalMs = Math.min(firstMs * 2 ** Math.min(attempt, 16), maxMs);
  return Math.ceil(intervalMs * (0.1 + 0.9 * random));
}

const firstMs = 100;
const maxMs = 5_000;
