import type { SnapshotState } from '../../protocol/contract.ts';

/** The events of a snapshot. */
export type SnapshotEvent = 'started' | 'completed' | 'failed' | 'remove' | 'removed';

/**
 * The state machine of a snapshot: the next state for each state and event. An event without a next state is impossible. In
 * `freezing`, the volume's file system may be frozen; recovery thaws it first.
 */
export const snapshotTransitions: Record<SnapshotState, Partial<Record<SnapshotEvent, SnapshotState>>> = {
  freezing: { started: 'taking', failed: 'deleting' },
  taking: { completed: 'ready', failed: 'deleting' },
  ready: { remove: 'deleting' },
  deleting: { remove: 'deleting', removed: 'deleted' },
  deleted: {},
};

/**
 * Returns the state after an event.
 * @throws Error when the event is impossible in that state, which is a bug of the castle
 */
export function nextSnapshotState(state: SnapshotState, event: SnapshotEvent): SnapshotState {
  const next = snapshotTransitions[state][event];
  if (next === undefined) throw new Error(`a snapshot in state ${state} has no transition for ${event}`);
  return next;
}
