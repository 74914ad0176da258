import type { SnapshotState } from '../../protocol/contract.ts';

/** What can happen to a snapshot. */
export type SnapshotEvent = 'begun' | 'whole' | 'failed' | 'remove' | 'removed';

/**
 * The states of a snapshot: the next state for each event. An event without a next state cannot happen. In `freezing` the
 * volume's file system may be frozen: recovery thaws it first.
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
 * @throws Error when the event cannot happen in that state, which is a defect of the castle
 */
export function nextSnapshotState(state: SnapshotState, event: SnapshotEvent): SnapshotState {
  const next = snapshotTransitions[state][event];
  if (next === undefined) throw new Error(`a snapshot that is ${state} cannot take ${event}`);
  return next;
}
