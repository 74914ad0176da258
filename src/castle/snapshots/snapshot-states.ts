import type { SnapshotState } from '../../protocol/contract.ts';

/** What can happen to a snapshot. */
export type SnapshotEvent = 'begun' | 'whole' | 'failed' | 'remove' | 'removed';

/**
 * The life of a snapshot: the state that follows from each event; where there is none, the event can't happen. In
 * `freezing` the volume's file system may stand still: whoever finds a snapshot in it thaws that first.
 */
export const snapshotTransitions: Record<SnapshotState, Partial<Record<SnapshotEvent, SnapshotState>>> = {
  freezing: { begun: 'taking', failed: 'deleting' },
  taking: { whole: 'ready', failed: 'deleting' },
  ready: { remove: 'deleting' },
  deleting: { remove: 'deleting', removed: 'deleted' },
  deleted: {},
};

/**
 * The state after an event.
 * @throws Error when the event can't happen in that state: a defect of the castle, never of a caller
 */
export function nextSnapshotState(state: SnapshotState, event: SnapshotEvent): SnapshotState {
  const next = snapshotTransitions[state][event];
  if (next === undefined) throw new Error(`a snapshot that is ${state} cannot take ${event}`);
  return next;
}
