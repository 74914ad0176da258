import type { WrittenSnapshot } from '../backends/snapshots.ts';
import type { EmitEvent } from '../events/event.ts';
import type { SnapshotRecord, Store } from '../store/store.ts';
import { nextSnapshotState, type SnapshotEvent } from './snapshot-states.ts';

type LoggedEvent =
  `snapshot.${'taken' | 'failed' | 'removed' | 'restored' | 'fetched' | 'adopted' | 'unresolved'}`;

/** Writes the states of snapshots to the store, and their events to the log. */
export class SnapshotRecorder {
  constructor(
    private readonly store: Store,
    private readonly emit: EmitEvent,
  ) {}

  async write(record: SnapshotRecord): Promise<void> {
    await this.store.commit((changes) => changes.putSnapshot(record));
  }

  /**
   * Writes the state that follows from an event.
   * @param changed other fields that change at the same time
   * @returns the new record; for a deleted snapshot, the last one
   */
  async advance(
    record: SnapshotRecord,
    event: SnapshotEvent,
    changed: WrittenSnapshot = {},
  ): Promise<SnapshotRecord> {
    const state = nextSnapshotState(record.state, event);
    if (state === 'deleted') {
      await this.store.commit((changes) => changes.removeSnapshot(record.id));
      return record;
    }
    const next = { ...record, ...changed, state };
    await this.write(next);
    return next;
  }

  log(
    { id, volume }: SnapshotRecord,
    event: LoggedEvent,
    message: string,
    more: { readonly tookMs?: number } = {},
  ): void {
    this.emit(message, { event, volume, snapshot: id, ...more });
  }
}
