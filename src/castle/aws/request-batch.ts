/** Collects what is asked for within a short time, and asks for all of it at once: many lookups, one call. */
export class RequestBatch<Value> {
  private waiting = new Map<string, ((answer: Promise<Value | undefined>) => void)[]>();
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param windowMs how long it collects, in milliseconds, from the first question on
   * @param limit as many keys are asked for at once; with the last of them it waits no longer
   * @param fetchAll answers for those that there are
   */
  constructor(
    private readonly windowMs: number,
    private readonly limit: number,
    private readonly fetchAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
  ) {}

  /** What there is under a key, by a look that begins after this call. @throws what askAll throws */
  get(key: string): Promise<Value | undefined> {
    return new Promise((resolve) => {
      this.waiting.set(key, [...(this.waiting.get(key) ?? []), resolve]);
      if (this.waiting.size >= this.limit) this.flush();
      else this.timer ??= setTimeout(() => this.flush(), this.windowMs);
    });
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const asked = this.waiting;
    this.waiting = new Map();
    const answers = this.fetchAll([...asked.keys()]);
    for (const [key, resolvers] of asked) {
      const answer = answers.then((all) => all.get(key));
      for (const resolve of resolvers) resolve(answer);
    }
  }
}
