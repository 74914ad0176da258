import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import { repeatTask } from '../scheduling/repeat-task.ts';
import type { VolumeAdministration } from '../volumes/volume-administration.ts';

/** The bounds of the pause between two purges, in milliseconds. */
const [shortestPauseMs, longestPauseMs] = [1_000, 3_600_000];
/** The delay before a failed purge is retried, in milliseconds. */
const retryAfterMs = 60_000;

/**
 * Purges deleted volumes periodically when their retention is over.
 * @param keepMs how long a deleted volume is kept, in milliseconds
 * @returns a function that stops the purges and waits for the one in progress, for at most 5 seconds; the next castle completes it
 */
export function purgePeriodically(
  administration: VolumeAdministration,
  keepMs: number,
  emit: EmitEvent,
): () => Promise<void> {
  function pauseMs(): number {
    const firstMs = Math.min(...administration.list().map(({ deleted }) => Date.parse(deleted) + keepMs));
    const leftMs = firstMs - Date.now();
    if (leftMs <= 0) return retryAfterMs;
    // At most keepMs: a volume may be deleted right after this.
    return Math.max(shortestPauseMs, Math.min(leftMs, keepMs, longestPauseMs));
  }

  const purges = repeatTask(
    async (stop) => {
      await administration.purge(Date.now() - keepMs);
      return stop.aborted ? undefined : pauseMs();
    },
    {
      firstInMs: 0,
      failed(thrown) {
        emit(`cannot purge the trash: ${errorMessage(thrown)}`);
        return retryAfterMs;
      },
    },
  );
  return () => purges.stop();
}
