import type { Backend } from '../backends/backend.ts';
import type { Snapshots } from '../backends/snapshots.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Freezer } from '../mounting/freeze-file-system.ts';
import { KeyedMutex } from '../store/keyed-mutex.ts';
import type { SnapshotRecord, Store } from '../store/store.ts';
import { PendingSnapshots } from './pending-snapshots.ts';
import * as refusals from './refusals.ts';
import { SnapshotRecorder } from './snapshot-recorder.ts';

export interface SnapshotDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly freezer: Freezer;
  /** How long a volume's file system may stay frozen for a snapshot, in milliseconds. */
  readonly freezeLimitMs: number;
  /** Serializes operations on the same volume. Leases and volumes use the same mutex. */
  readonly volumeLock: KeyedMutex;
  readonly emit: EmitEvent;
}

/** What the operations on snapshots share. */
export interface SnapshotContext extends SnapshotDeps {
  readonly recorder: SnapshotRecorder;
  readonly pending: PendingSnapshots;
  /**
   * Serializes operations on the same snapshot. Lock order: the volume first, then the snapshot, so that no deadlock is
   * possible.
   */
  readonly snapshotLock: KeyedMutex;
  /** When this castle started, ISO 8601, UTC. An earlier castle can only have left snapshots that are older. */
  readonly started: string;
  /**
   * Ids of the snapshots that are being fetched. They keep the time at which they were first taken, and recovery skips them.
   */
  readonly fetching: Set<string>;
}

export function snapshotContext(deps: SnapshotDeps): SnapshotContext {
  return {
    ...deps,
    recorder: new SnapshotRecorder(deps.store, deps.emit),
    pending: new PendingSnapshots(),
    snapshotLock: new KeyedMutex(),
    started: new Date().toISOString(),
    fetching: new Set(),
  };
}

/** @throws RefusalError bad_request when the backend has no snapshots */
export function backendSnapshots({ backend }: SnapshotContext): Snapshots {
  if (backend.snapshots === null) throw refusals.noSnapshots(backend.description);
  return backend.snapshots;
}

/** Returns the snapshots of this castle's backend; it cannot access those of another backend. */
export function ownSnapshots({ store, backend }: SnapshotContext): readonly SnapshotRecord[] {
  return store.snapshots().filter((record) => record.backend === backend.name);
}
