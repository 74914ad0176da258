import { Failure } from '../../../terminal/failure.ts';
import { pause } from '../../launch/abortable-sleep.ts';
import { backoffMs } from '../../launch/backoff.ts';
import { throttledLog } from '../../launch/throttled-log.ts';

/** How long a controller is waited for. */
export interface WaitOptions {
  /** On the clock of performance.now(); Infinity: for ever. */
  readonly deadline: number;
  readonly logLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * How long one answer may take, in milliseconds: the first ones little, so that a line appears soon; then as long as
 * agent.jar has patience for. One that is asked for in the last moment gets a chance.
 */
const answerWithinMs = { first: 10_000, most: 60_000, least: 5_000 };

/**
 * Tries until something is there, with growing pauses.
 * @param attempt one try, which may take that long; what it could not get it returns as a Failure
 * @throws the last Failure when the time is over; the signal's reason
 */
export async function retryUntilReady<T>(
  attempt: (withinMs: number) => Promise<T | Failure>,
  { deadline, logLine, signal }: WaitOptions,
): Promise<T> {
  const tell = throttledLog(logLine);
  const beganAt = performance.now();
  for (let tries = 0; ; tries++) {
    const longestMs = Math.min(answerWithinMs.first * 2 ** Math.min(tries, 8), answerWithinMs.most);
    const untilEndMs = Math.max(deadline - performance.now(), answerWithinMs.least);
    const got = await attempt(Math.min(longestMs, untilEndMs));
    if (!(got instanceof Failure)) return got;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw timeoutFailure(got, tries, deadline - beganAt);
    const atMost = leftMs === Number.POSITIVE_INFINITY ? '' : `, at most ${Math.ceil(leftMs / 1000)} s more`;
    tell(got.sentence, `waiting for the controller${atMost}: ${got.message}`);
    // The pause may end with the time but never skips its end: the last try is made just then.
    await pause(Math.min(backoffMs(tries, Math.random()), leftMs), signal);
  }
}

function timeoutFailure(last: Failure, tries: number, waitedMs: number): Failure {
  const waited = tries === 0 ? '' : `, and that has not changed within ${Math.round(waitedMs / 1000)} s`;
  return new Failure(last.kind, `${last.sentence}${waited}`, last.remedy);
}
