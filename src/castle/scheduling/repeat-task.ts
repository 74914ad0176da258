import { setTimeout as sleep } from 'node:timers/promises';

/** How long stop() waits for a run in progress, in milliseconds. The next castle completes the interrupted work. */
const stopWaitsMs = 5_000;

/** The longest delay of Node's timers, in milliseconds; a longer one would run at once. */
const longestDelayMs = 2 ** 31 - 1;

export interface RepeatedTask {
  /** Runs the task in `delayMs` milliseconds, or earlier when an earlier run is planned already. */
  runIn(delayMs: number): void;
  /** Begins no more runs, and waits for the one in progress, for at most 5 seconds. */
  stop(): Promise<void>;
}

export interface RepeatSettings {
  /** The delay of the first run, in milliseconds. Default: the first run waits for `runIn`. */
  readonly firstInMs?: number;
  /**
   * Handles the error that a run throws.
   * @returns milliseconds until the next run; undefined when the next run waits for `runIn`
   */
  readonly failed: (thrown: unknown) => number | undefined;
}

/**
 * Runs a task repeatedly, one run at a time. Each run is scheduled when the previous run has ended. The timer does not keep the
 * process alive.
 * @param task performs one run; its signal is aborted when the task is stopped; it returns the delay until the next run in
 *   milliseconds, or undefined when the next run waits for `runIn`
 */
export function repeatTask(
  task: (stop: AbortSignal) => Promise<number | undefined>,
  { firstInMs, failed }: RepeatSettings,
): RepeatedTask {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** When the next run begins, by performance.now(). */
  let plannedMs = Number.POSITIVE_INFINITY;

  function runIn(delayMs: number): void {
    const atMs = performance.now() + delayMs;
    if (stopping.signal.aborted || atMs >= plannedMs) return;
    plannedMs = atMs;
    // A run in progress arms the timer when it ends.
    if (running === undefined) arm();
  }

  function arm(): void {
    clearTimeout(timer);
    if (stopping.signal.aborted || plannedMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(0, plannedMs - performance.now()), longestDelayMs);
    timer = setTimeout(begin, delayMs).unref();
  }

  function begin(): void {
    plannedMs = Number.POSITIVE_INFINITY;
    running = run().then((nextInMs) => {
      running = undefined;
      if (nextInMs !== undefined) runIn(nextInMs);
      arm();
    });
  }

  async function run(): Promise<number | undefined> {
    try {
      return await task(stopping.signal);
    } catch (thrown) {
      return failed(thrown);
    }
  }

  if (firstInMs !== undefined) runIn(firstInMs);
  return {
    runIn,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      if (running !== undefined) await Promise.race([running, sleep(stopWaitsMs, undefined, { ref: false })]);
    },
  };
}
