/** Whether something is well, and why. */
export interface Verdict {
  readonly healthy: boolean;
  /** One line for people, without the end of a sentence. */
  readonly reason: string;
}

export const healthy = (reason: string): Verdict => ({ healthy: true, reason });
export const unhealthy = (reason: string): Verdict => ({ healthy: false, reason });
