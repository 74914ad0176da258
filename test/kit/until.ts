import { setTimeout as pause } from 'node:timers/promises';

/** The factor by which bounds are extended in an emulated machine; scripts/test-nfs.sh sets it. */
const slowness = Number(process.env['BAILEY_TEST_SLOWNESS'] ?? 1);

/**
 * Polls until a probe has an answer: for conditions of other processes, which send no signal when they become true.
 * @param what the condition in words, for the message when it has never become true
 * @param probe returns the answer, or undefined while there is none; an error that it throws counts as "not yet"
 * @param boundMs when to give up: a bound for what hangs, which a busy machine must not reach
 * @param everyMs how often to call the probe
 * @throws Error with the condition and the last thing that the probe threw
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
    await pause(everyMs);
  }
}

/** Polls a condition every 5 ms until it is true. */
export const untilTrue = (what: string, condition: () => boolean): Promise<true> =>
  until(what, () => condition() || undefined, undefined, 5);
