import { Failure } from '../../../terminal/failure.ts';
import { pause } from '../../launch/abortable-sleep.ts';
import { backoffMs } from '../../launch/backoff.ts';
import { throttledLog } from '../../launch/throttled-log.ts';

/** How long to wait for a controller. */
export interface WaitOptions {
  /** Deadline in milliseconds of performance.now(); Infinity: no deadline. */
  readonly deadline: number;
  readonly logLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Time limits for one attempt, in milliseconds: short at first, so that a log line appears soon, then up to agent.jar's
 * own timeout. The minimum gives an attempt just before the deadline a chance.
 */
const answerWithinMs = { first: 10_000, max: 60_000, min: 5_000 };

/**
 * Repeats an attempt with growing pauses until it succeeds.
 * @param attempt gets its time limit in milliseconds; returns a Failure if it must be repeated
 * @throws the last Failure at the deadline; the signal's reason
 */
export async function retryUntilReady<T>(
  attempt: (withinMs: number) => Promise<T | Failure>,
  { deadline, logLine, signal }: WaitOptions,
): Promise<T> {
  const logThrottled = throttledLog(logLine);
  const startedAt = performance.now();
  for (let tries = 0; ; tries++) {
    const maxMs = Math.min(answerWithinMs.first * 2 ** Math.min(tries, 8), answerWithinMs.max);
    const untilEndMs = Math.max(deadline - performance.now(), answerWithinMs.min);
    const got = await attempt(Math.min(maxMs, untilEndMs));
    if (!(got instanceof Failure)) return got;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw timeoutFailure(got, tries, deadline - startedAt);
    const atMost = leftMs === Number.POSITIVE_INFINITY ? '' : `, at most ${Math.ceil(leftMs / 1000)} s more`;
    logThrottled(got.sentence, `waiting for the controller${atMost}: ${got.message}`);
    // Never sleeps past the deadline: the last attempt is made at the deadline itself.
    await pause(Math.min(backoffMs(tries, Math.random()), leftMs), signal);
  }
}

function timeoutFailure(last: Failure, tries: number, waitedMs: number): Failure {
  const waited = tries === 0 ? '' : `, and that has not changed within ${Math.round(waitedMs / 1000)} s`;
  return new Failure(last.kind, `${last.sentence}${waited}`, last.remedy);
}
