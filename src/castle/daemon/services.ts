/** A started part of the castle that must be stopped. */
export interface Service {
  /** The name of the service, for the message when it cannot be stopped. */
  readonly name: string;
  stop(): void | Promise<void>;
}

/**
 * The services of a castle, in the order of their start; they are stopped in the reverse order. A service may use those
 * that were added before it until its own stop has returned.
 */
export class Services {
  private readonly stages: (readonly Service[])[] = [];

  /** Adds started services. The services of one call do not depend on each other, so they are stopped concurrently. */
  add(...services: readonly Service[]): void {
    this.stages.push(services);
  }

  /**
   * Stops all services in reverse order. If a service cannot be stopped, the others are stopped nevertheless.
   * @throws the first error
   */
  async stop(): Promise<void> {
    const errors: unknown[] = [];
    for (const stage of this.stages.splice(0).reverse()) {
      const results = await Promise.allSettled(stage.map(async (service) => service.stop()));
      errors.push(...results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])));
    }
    if (errors.length > 0) throw errors[0];
  }
}
