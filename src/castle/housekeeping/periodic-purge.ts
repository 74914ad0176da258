import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { VolumeAdministration } from '../volumes/volume-administration.ts';

/** The castle looks at least this often for deleted volumes whose time is over, in milliseconds. */
const longestPauseMs = 3_600_000;
/** And at most this often. */
const shortestPauseMs = 1_000;
/** How long a removal may hold up the stop, in milliseconds; the next castle goes on with it. */
const lastWorkMs = 5_000;
/** What could not be removed is tried again after this, in milliseconds. */
const retryAfterMs = 60_000;

/**
 * Removes deleted volumes for good when their time is over, from now on.
 * @param keepMs how long each is kept
 * @returns stops it, and waits for what is under way, within a bound
 */
export function purgePeriodically(
  administration: VolumeAdministration,
  keepMs: number,
  emit: EmitEvent,
): () => Promise<void> {
  let stopped = false;
  let working = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  function next(): void {
    if (stopped) return;
    const firstMs = Math.min(...administration.list().map(({ deleted }) => Date.parse(deleted) + keepMs));
    const leftMs = firstMs - Date.now();
    // Never longer than the time of a volume that is deleted in a moment.
    const pauseMs = Math.max(shortestPauseMs, Math.min(leftMs, keepMs, longestPauseMs));
    timer = setTimeout(work, leftMs > 0 ? pauseMs : retryAfterMs).unref();
  }

  function work(): void {
    working = administration
      .purge(Date.now() - keepMs)
      .catch((thrown: unknown) => emit(`the trash could not be looked through: ${errorMessage(thrown)}`))
      .then(next);
  }

  work();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await Promise.race([working, sleep(lastWorkMs, undefined, { ref: false })]);
  };
}
