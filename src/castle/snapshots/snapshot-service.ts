/**
 * Snapshots: what a volume contained at one moment. Each operation is a module of its own; this is what the API, the
 * schedule and the off-host copies call. Every step is in the store before it is done, so that the next castle can complete
 * or undo it (recover-snapshots.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OffHostCopy } from '../../protocol/contract.ts';
import type { KnownSnapshot, WrittenSnapshot } from '../backends/snapshots.ts';
import type { NewVolume } from '../backends/volume.ts';
import type { SnapshotRecord } from '../store/store.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { recoverSnapshots, thawFrozenVolumes } from './recover-snapshots.ts';
import { restoreSnapshot, withSnapshot } from './restore-snapshot.ts';
import { type SnapshotContext, type SnapshotDeps, snapshotContext } from './snapshot-context.ts';
import { type SnapshotReason, takeSnapshot } from './take-snapshot.ts';

/** How long pending work may delay the stop, in milliseconds. */
const lastWorkMs = 5_000;

export class SnapshotService {
  private readonly context: SnapshotContext;
  private recovery: Promise<void> | undefined;

  constructor(deps: SnapshotDeps) {
    this.context = snapshotContext(deps);
  }

  /** See takeSnapshot. */
  take(volume: string, reason: SnapshotReason): Promise<SnapshotRecord> {
    return takeSnapshot(this.context, volume, reason);
  }

  /**
   * Waits until a snapshot is complete or has failed, at most so long.
   * @returns its record now; undefined: it has failed
   */
  async settled(id: string, withinMs: number): Promise<SnapshotRecord | undefined> {
    await this.context.pending.settled(id, withinMs);
    return this.context.store.snapshot(id);
  }

  /** See deleteSnapshot. */
  delete(id: string): Promise<void> {
    return deleteSnapshot(this.context, id);
  }

  /** See restoreSnapshot. */
  restore(reference: string, volume: NewVolume): Promise<void> {
    return restoreSnapshot(this.context, reference, volume);
  }

  /** See withSnapshot. */
  withSnapshot<T>(reference: string, operation: (record: SnapshotRecord) => Promise<T>): Promise<T> {
    return withSnapshot(this.context, reference, operation);
  }

  /** Runs an operation about a snapshot, which need not be on this host, while no other one about it runs. */
  withSnapshotId<T>(id: string, operation: () => Promise<T>): Promise<T> {
    return this.context.snapshotLock.run(id, operation);
  }

  /** Writes down whether a snapshot has a copy off this host. Call it in `withSnapshot` or `withSnapshotId`. */
  async setOffHostCopy(id: string, offHostCopy: OffHostCopy): Promise<void> {
    const record = this.context.store.snapshot(id);
    if (record !== undefined) await this.context.recorder.write({ ...record, offHostCopy });
  }

  /** See fetchSnapshot. */
  fetch(snapshot: KnownSnapshot, write: () => Promise<WrittenSnapshot>): Promise<SnapshotRecord> {
    return fetchSnapshot(this.context, snapshot, write);
  }

  /** Snapshots in every state, by volume and time. */
  list(volume?: string): readonly SnapshotRecord[] {
    const { store } = this.context;
    return (volume === undefined ? store.snapshots() : store.snapshotsOf(volume)).sort(
      (one, other) => one.volume.localeCompare(other.volume) || one.taken.localeCompare(other.taken),
    );
  }

  /** Thaws what an earlier castle froze; call it at start, before anything else. */
  thawAtStart(): Promise<void> {
    return thawFrozenVolumes(this.context);
  }

  /** Recovers after an earlier castle, once; call it again as long as the backend may not answer. */
  async recover(): Promise<void> {
    this.recovery ??= this.recoverOnce();
    await this.recovery;
  }

  private async recoverOnce(): Promise<void> {
    let isDone = false;
    try {
      isDone = await recoverSnapshots(this.context);
    } finally {
      if (!isDone) this.recovery = undefined;
    }
  }

  /** Waits for pending snapshots, within a bound: the next castle recovers the others. */
  async close(): Promise<void> {
    const { pending, snapshotLock } = this.context;
    const all = Promise.all([snapshotLock.idle(), pending.allSettled()]);
    await Promise.race([all, sleep(lastWorkMs, undefined, { ref: false })]);
  }
}
