import { setTimeout as sleep } from 'node:timers/promises';
import { repeatTask } from '../scheduling/repeat-task.ts';
import type { GarbageCollection } from './garbage-collection.ts';

/** How long the stop waits for a run that an operator started, in milliseconds. The next castle collects the rest. */
const stopWaitsMs = 5_000;

/** The bounds of the pause between two runs, in milliseconds. */
const [shortestPauseMs, longestPauseMs] = [1_000, 7 * 86_400_000];

/**
 * Collects garbage periodically. The first run begins one pause from now, because the start of a castle checks everything.
 * @param everyMs the pause between two runs, in milliseconds; 0: never
 * @returns a function that stops the collection and waits for the run in progress, for at most 5 seconds
 */
export function collectGarbagePeriodically(garbage: GarbageCollection, everyMs: number): () => Promise<void> {
  const pauseMs = everyMs === 0 ? undefined : Math.min(Math.max(everyMs, shortestPauseMs), longestPauseMs);
  const runs = repeatTask(
    async () => {
      await garbage.run('periodic');
      return pauseMs;
    },
    { ...(pauseMs === undefined ? {} : { firstInMs: pauseMs }), failed: () => pauseMs },
  );
  return async () => {
    const idle = Promise.race([garbage.idle(), sleep(stopWaitsMs, undefined, { ref: false })]);
    await Promise.all([runs.stop(), idle]);
  };
}
