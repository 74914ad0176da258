import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';

/** How much earlier or later than told a look may begin, as a share: castles of many hosts should not look at once. */
const jitter = 0.1;
/** How long a look that is under way may hold up the stop, in milliseconds. */
const lastWorkMs = 5_000;

/**
 * Looks at everything again and again, from now on.
 * @param look looks once; how many entries were put right
 * @param everyMs how long from the end of one look to the next
 * @returns stops it, and waits for the look that is under way, within a bound
 */
export function reconcilePeriodically(
  look: (stop: AbortSignal) => Promise<number>,
  everyMs: number,
  emit: EmitEvent,
): () => Promise<void> {
  const stopping = new AbortController();
  let working = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  function next(): void {
    if (stopping.signal.aborted) return;
    const share = 1 - jitter + 2 * jitter * Math.random();
    timer = setTimeout(work, everyMs * share).unref();
  }

  async function lookOnce(): Promise<void> {
    const begun = performance.now();
    try {
      const count = await look(stopping.signal);
      const tookMs = Math.round(performance.now() - begun);
      if (count > 0) {
        emit(`looked at everything again; corrected: ${count}`, {
          event: 'reconcile.corrected',
          count,
          tookMs,
        });
      } else emit('looked at everything again', { event: 'reconcile.checked', tookMs });
    } catch (thrown) {
      emit(`not everything could be looked at again: ${errorMessage(thrown)}`, {
        event: 'volume.unresolved',
      });
    }
  }

  function work(): void {
    working = lookOnce().then(next);
  }

  next();
  return async () => {
    stopping.abort();
    clearTimeout(timer);
    await Promise.race([working, sleep(lastWorkMs, undefined, { ref: false })]);
  };
}
