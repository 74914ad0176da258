/** The result of a health check. */
export interface HealthResult {
  readonly healthy: boolean;
  /** One line, without a full stop. */
  readonly reason: string;
}

export const healthy = (reason: string): HealthResult => ({ healthy: true, reason });
export const unhealthy = (reason: string): HealthResult => ({ healthy: false, reason });
