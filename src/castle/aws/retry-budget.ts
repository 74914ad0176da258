import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The rate limit that all EC2 calls of the castle share: a token bucket, one token for each call. AWS limits the calls of the
 * whole account, so a castle that calls too often slows down every other one.
 */
export class CallBudget {
  private tokens: number;
  private filledMs = performance.now();

  /**
   * @param perSecond how many tokens come back in a second
   * @param burst how many there are at most
   */
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {
    this.tokens = burst;
  }

  /** Resolves when a call may be made, in the order of the requests. */
  async take(): Promise<void> {
    const nowMs = performance.now();
    const come = ((nowMs - this.filledMs) / 1000) * this.perSecond;
    this.filledMs = nowMs;
    // A negative number counts the calls that are waiting.
    this.tokens = Math.min(this.burst, this.tokens + come) - 1;
    if (this.tokens < 0) await sleep((-this.tokens / this.perSecond) * 1000, undefined, { ref: false });
  }
}
