/** Whether something is well, and why. */
export interface HealthResult {
  readonly healthy: boolean;
  /** One line for people, without the end of a sentence. */
  readonly reason: string;
}

export const healthy = (reason: string): HealthResult => ({ healthy: true, reason });
export const unhealthy = (reason: string): HealthResult => ({ healthy: false, reason });
