import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import { repeatTask } from '../scheduling/repeat-task.ts';

/**
 * The random variation of the pause, as a fraction of it, so that the castles of many hosts do not reconcile at the same time.
 */
const jitter = 0.1;

/**
 * Reconciles periodically. The first run begins one pause from now.
 * @param reconcile reconciles once; returns the number of corrected records
 * @param everyMs the pause from the end of one run to the start of the next, in milliseconds
 * @returns a function that stops the runs and waits for the one in progress, for at most 5 seconds
 */
export function reconcilePeriodically(
  reconcile: (stop: AbortSignal) => Promise<number>,
  everyMs: number,
  emit: EmitEvent,
): () => Promise<void> {
  const pauseMs = () => everyMs * (1 - jitter + 2 * jitter * Math.random());

  async function run(stop: AbortSignal): Promise<number> {
    const begunMs = performance.now();
    const count = await reconcile(stop);
    const tookMs = Math.round(performance.now() - begunMs);
    if (count > 0) {
      emit(`reconciled the store with the host; corrected records: ${count}`, {
        event: 'reconcile.corrected',
        count,
        tookMs,
      });
    } else emit('reconciled the store with the host', { event: 'reconcile.checked', tookMs });
    return pauseMs();
  }

  const runs = repeatTask(run, {
    firstInMs: pauseMs(),
    failed(thrown) {
      emit(`cannot reconcile the store with the host: ${errorMessage(thrown)}`, {
        event: 'volume.unresolved',
      });
      return pauseMs();
    },
  });
  return () => runs.stop();
}
