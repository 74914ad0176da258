interface PendingChange {
  readonly change: () => void;
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
}

/**
 * Collects the changes of one turn of the event loop and commits them together, because the flush takes most of the time.
 * LMDB's own asynchronous commits do the same, but on a full disk they reject internal promises that no caller can catch,
 * which ends the process.
 */
export class GroupCommit {
  private waiting: PendingChange[] = [];

  /** @param commit makes all changes or none, and returns when they are on disk */
  constructor(private readonly commit: (changes: readonly (() => void)[]) => void) {}

  /** Resolves when the change is on disk; rejects with what commit threw, and nothing has changed. */
  add(change: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ change, resolve, reject }) === 1) setImmediate(() => this.flush());
    });
  }

  /** Resolves when no change waits for its commit. */
  async idle(): Promise<void> {
    while (this.waiting.length > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  private flush(): void {
    const together = this.waiting;
    this.waiting = [];
    try {
      this.commit(together.map(({ change }) => change));
    } catch (thrown) {
      for (const { reject } of together) reject(thrown);
      return;
    }
    for (const { resolve } of together) resolve();
  }
}
