interface PendingChange {
  readonly change: () => void;
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
}

/**
 * Collects changes that are asked for in the same turn of the event loop and commits them together: the flush is what
 * takes the time. LMDB's own asynchronous commits do the same, but reject promises of theirs that nobody can catch when
 * the disk is full, which ends the process.
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

  /** Resolves when nothing waits any more. */
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
