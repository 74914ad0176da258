/** Collects lookups within a short time window and makes one call for all of them. */
export class RequestBatch<Value> {
  private waiting = new Map<string, ((answer: Promise<Value | undefined>) => void)[]>();
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param windowMs how long lookups are collected after the first one, in milliseconds
   * @param limit the maximum number of keys in one call; when it is reached, the call is made at once
   * @param fetchAll returns the values that exist
   */
  constructor(
    private readonly windowMs: number,
    private readonly limit: number,
    private readonly fetchAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
  ) {}

  /** Returns the value of a key, from a call that begins after this one. @throws what `fetchAll` throws */
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
    const batch = this.waiting;
    this.waiting = new Map();
    const answers = this.fetchAll([...batch.keys()]);
    for (const [key, resolvers] of batch) {
      const answer = answers.then((all) => all.get(key));
      for (const resolve of resolvers) resolve(answer);
    }
  }
}
