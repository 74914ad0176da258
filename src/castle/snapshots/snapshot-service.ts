/**
 * Snapshots: the content of a volume at one moment. The API, the schedule and the off-host copies call this service; each
 * operation is a separate module. Every step is recorded in the store before it is executed, so that after a crash the
 * next castle can complete or undo the step (recover-snapshots.ts).
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

/** How long `close` waits for pending snapshots, in milliseconds. */
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
   * Waits until a snapshot is complete or has failed.
   * @param withinMs the time limit, in milliseconds
   * @returns the current record of the snapshot; undefined when the snapshot has failed
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

  /** Runs an operation on a snapshot, which need not be on this host, while no other operation on that snapshot runs. */
  withSnapshotId<T>(id: string, operation: () => Promise<T>): Promise<T> {
    return this.context.snapshotLock.run(id, operation);
  }

  /** Whether an operation on a snapshot is in progress, such as its copy to an off-host store, which may take hours. */
  isBusy(id: string): boolean {
    return this.context.snapshotLock.isBusy(id);
  }

  /** Records whether a snapshot has an off-host copy. Call this within `withSnapshot` or `withSnapshotId`. */
  async setOffHostCopy(id: string, offHostCopy: OffHostCopy): Promise<void> {
    const record = this.context.store.snapshot(id);
    if (record !== undefined) await this.context.recorder.write({ ...record, offHostCopy });
  }

  /** See fetchSnapshot. */
  fetch(snapshot: KnownSnapshot, write: () => Promise<WrittenSnapshot>): Promise<SnapshotRecord> {
    return fetchSnapshot(this.context, snapshot, write);
  }

  /** Lists the snapshots in every state, by volume and time. */
  list(volume?: string): readonly SnapshotRecord[] {
    const { store } = this.context;
    return (volume === undefined ? store.snapshots() : store.snapshotsOf(volume)).sort(
      (one, other) => one.volume.localeCompare(other.volume) || one.taken.localeCompare(other.taken),
    );
  }

  /** Thaws the file systems that an earlier castle froze. Call this at start, before anything else. */
  thawAtStart(): Promise<void> {
    return thawFrozenVolumes(this.context);
  }

  /**
   * Recovers the snapshots of an earlier castle, once. Call this again until it succeeds: the backend may not answer at
   * first.
   */
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

  /** Waits for pending snapshots, for a limited time. The next castle recovers the others. */
  async close(): Promise<void> {
    const { pending, snapshotLock } = this.context;
    const all = Promise.all([snapshotLock.idle(), pending.allSettled()]);
    await Promise.race([all, sleep(lastWorkMs, undefined, { ref: false })]);
  }
}
