import { setTimeout as sleep } from 'node:timers/promises';
import type { GarbageCollection } from './garbage-collection.ts';

/** How long a run may hold up the stop, in milliseconds; whatever it was doing, the next castle finds the rest. */
const lastWorkMs = 5_000;

/** Between two runs, in milliseconds: what Node's timers take, and what lets a castle rest. */
const [shortestPauseMs, longestPauseMs] = [1_000, 7 * 86_400_000];

/**
 * Cleans up again and again, beginning one pause from now: a start looks at everything by itself.
 * @param everyMs the pause; 0: never
 * @returns stops it, and waits for what is under way, within a bound
 */
export function collectGarbagePeriodically(cleanUp: GarbageCollection, everyMs: number): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  function next(): void {
    if (stopped || everyMs === 0) return;
    const pauseMs = Math.min(Math.max(everyMs, shortestPauseMs), longestPauseMs);
    timer = setTimeout(() => void cleanUp.run('clock').then(next), pauseMs).unref();
  }
  next();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await Promise.race([cleanUp.idle(), sleep(lastWorkMs, undefined, { ref: false })]);
  };
}
