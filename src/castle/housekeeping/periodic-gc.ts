import { setTimeout as sleep } from 'node:timers/promises';
import { repeatTask } from '../scheduling/repeat-task.ts';
import type { GarbageCollection } from './garbage-collection.ts';

/** How long the stop waits for a run that a person began, in milliseconds. The next castle finds what it leaves. */
const stopWaitsMs = 5_000;

/** The bounds of the pause between two runs, in milliseconds. */
const [shortestPauseMs, longestPauseMs] = [1_000, 7 * 86_400_000];

/**
 * Collects garbage periodically, for the first time one pause from now: the start of a castle checks everything anyway.
 * @param everyMs the pause in milliseconds; 0: never
 * @returns stops it, and waits for the run in progress, for at most 5 seconds
 */
export function collectGarbagePeriodically(garbage: GarbageCollection, everyMs: number): () => Promise<void> {
  const pauseMs = everyMs === 0 ? undefined : Math.min(Math.max(everyMs, shortestPauseMs), longestPauseMs);
  const runs = repeatTask(
    async () => {
      await garbage.run('clock');
      return pauseMs;
    },
    { ...(pauseMs === undefined ? {} : { firstInMs: pauseMs }), failed: () => pauseMs },
  );
  return async () => {
    const idle = Promise.race([garbage.idle(), sleep(stopWaitsMs, undefined, { ref: false })]);
    await Promise.all([runs.stop(), idle]);
  };
}
