import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A rate that all calls of the castle share: a bucket of tokens, one a call. AWS counts the calls of the whole account, and
 * a castle that asks too fast slows down every other one.
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

  /** Resolves when a call may be made; whoever asks first is served first. */
  async take(): Promise<void> {
    const nowMs = performance.now();
    const come = ((nowMs - this.filledMs) / 1000) * this.perSecond;
    this.filledMs = nowMs;
    // Below zero are those who wait already.
    this.tokens = Math.min(this.burst, this.tokens + come) - 1;
    if (this.tokens < 0) await sleep((-this.tokens / this.perSecond) * 1000, undefined, { ref: false });
  }
}
