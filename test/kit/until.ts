import { setTimeout as pause } from 'node:timers/promises';

/** The factor by which bounds are extended in an emulated machine; scripts/test-nfs.sh sets it. */
const slowness = Number(process.env['BAILEY_TEST_SLOWNESS'] ?? 1);

/**
 * Polls a condition that reports no event when it becomes true, such as the state of another process.
 * @param what the condition in words, for the error message
 * @param probe returns a value when the condition is true, else undefined; an error that it throws counts as undefined
 * @param boundMs the time after which the condition counts as hanging; a busy machine must not reach it
 * @param everyMs how often to call the probe
 * @throws Error with the condition and the last error of the probe
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  boundMs = 600_000,
  everyMs = 50,
): Promise<T> {
  const end = performance.now() + boundMs * slowness;
  for (;;) {
    let last: unknown;
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
    } catch (thrown) {
      last = thrown;
    }
    if (performance.now() > end) {
      throw new Error(
        `not within ${boundMs * slowness} ms: ${what}${last === undefined ? '' : ` (${String(last)})`}`,
      );
    }
    // In an emulated machine the probes would take the CPU from what they wait for.
    await pause(everyMs * Math.max(1, slowness));
  }
}

/** Polls a condition every 5 ms until it is true. */
export const untilTrue = (what: string, condition: () => boolean): Promise<true> =>
  until(what, () => condition() || undefined, undefined, 5);
