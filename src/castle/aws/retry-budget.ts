import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The rate limit that all EC2 calls of the castle share: a token bucket, with one token for each call. AWS limits the calls
 * of the whole account, so a castle that makes too many calls slows down every other castle of the account.
 */
export class CallBudget {
  private tokens: number;
  private filledMs = performance.now();

  /**
   * @param perSecond the number of tokens that are added per second
   * @param burst the maximum number of tokens
   */
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {
    this.tokens = burst;
  }

  /** Resolves when a call may be made. Calls are admitted in the order of their requests. */
  async take(): Promise<void> {
    const nowMs = performance.now();
    const come = ((nowMs - this.filledMs) / 1000) * this.perSecond;
    this.filledMs = nowMs;
    // A negative number of tokens is the number of waiting calls.
    this.tokens = Math.min(this.burst, this.tokens + come) - 1;
    if (this.tokens < 0) await sleep((-this.tokens / this.perSecond) * 1000, undefined, { ref: false });
  }
}
