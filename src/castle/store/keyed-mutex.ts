/**
 * Runs operations with the same key one after another, in the order of the calls. Operations with different keys run
 * concurrently.
 */
export class KeyedMutex {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs `operation` after all earlier operations with the same key have ended, whether they succeeded or failed. */
  run<T>(key: string, operation: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const mine = before.then(operation, operation);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.last.set(key, settled);
    void settled.then(() => {
      if (this.last.get(key) === settled) this.last.delete(key);
    });
    return mine;
  }

  /** Whether an operation with this key runs or waits. */
  isBusy(key: string): boolean {
    return this.last.has(key);
  }

  /** Resolves when all operations have ended, including those that were added while waiting. */
  async idle(): Promise<void> {
    while (this.last.size > 0) await Promise.all(this.last.values());
  }
}
