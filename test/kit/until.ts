import { setTimeout as pause } from 'node:timers/promises';

/** How many times longer all of this takes in an emulated machine; scripts/test-nfs.sh says so. */
const slowness = Number(process.env['BAILEY_TEST_SLOWNESS'] ?? 1);

/**
 * Asks again until there is an answer: for conditions of other processes, which tell nobody when they come true.
 * @param what the condition in words, for the message when it never came true
 * @param probe gives the answer, or undefined while there is none; what it throws is taken as "not yet"
 * @param boundMs when to give up: a bound for what hangs, which a busy machine must not reach
 * @param everyMs how often to ask
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
