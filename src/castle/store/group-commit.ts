interface PendingChange {
  readonly change: () => void;
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
}

/**
 * Collects the changes of one turn of the event loop and commits them together, because the flush to disk takes most of the
 * time. LMDB's own asynchronous commits work the same way, but on a full disk they reject internal promises that no caller
 * can catch, which ends the process.
 */
export class GroupCommit {
  private waiting: PendingChange[] = [];

  /** @param commit makes all changes or none, and returns when they are on disk */
  constructor(private readonly commit: (changes: readonly (() => void)[]) => void) {}

  /** Resolves when the change is on disk. Rejects with the error of `commit`; nothing has changed then. */
  add(change: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ change, resolve, reject }) === 1) setImmediate(() => this.flush());
    });
  }

  /** Resolves when no change is waiting to be committed. */
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
