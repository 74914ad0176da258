import { setTimeout as sleep } from 'node:timers/promises';

/** Snapshots that were begun and are not complete yet. */
export class PendingSnapshots {
  private readonly pending = new Map<string, Promise<void>>();

  /** @param settled resolves when the snapshot is complete, or has failed and is deleted; it never rejects */
  add(id: string, settled: Promise<void>): void {
    this.pending.set(
      id,
      settled.finally(() => this.pending.delete(id)),
    );
  }

  /** Waits until a snapshot is complete or has failed. @param withinMs the time limit, in milliseconds */
  async settled(id: string, withinMs: number): Promise<void> {
    const late = new AbortController();
    await Promise.race([
      this.pending.get(id),
      sleep(withinMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
  }

  async allSettled(): Promise<void> {
    await Promise.all(this.pending.values());
  }
}
