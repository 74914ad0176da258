import type { TrashRecord, VolumeRecord } from '../store/store.ts';

/** The state of a volume; `none` when the store has no record of it. */
export type VolumeState = VolumeRecord['state'] | 'none';

/**
 * The events that change the state of a volume outside the trash. Two events of the trash also change volumes: the commit for
 * `moved` removes the volume's record from the store, and the commit for `restored` adds it again with the state `ready`.
 */
export type VolumeEvent = 'create' | 'created' | 'notCreated' | 'discard';

/** The state table of a volume: the next state for each state and event. An event without an entry is a bug in that state. */
export const volumeTransitions: Record<VolumeState, Partial<Record<VolumeEvent, VolumeState>>> = {
  none: { create: 'creating' },
  // The volume may or may not exist. A castle that finds this state at start checks the backend.
  creating: { create: 'creating', created: 'ready', notCreated: 'none', discard: 'creating' },
  // `created` occurs in this state too: the backend has the volume, and its record is ready already.
  ready: { created: 'ready', discard: 'creating' },
};

/** The state of a record in the trash; `none` when there is no record. */
export type TrashState = TrashRecord['state'] | 'none';

/** The events that change the state of a deleted volume. */
export type TrashEvent =
  | 'delete'
  | 'found'
  | 'moved'
  | 'notMoved'
  | 'restore'
  | 'restored'
  | 'notRestored'
  | 'purge'
  | 'purged';

/** The state table of a deleted volume: the next state for each state and event. */
export const trashTransitions: Record<TrashState, Partial<Record<TrashEvent, TrashState>>> = {
  none: { delete: 'deleting', found: 'kept' },
  deleting: { moved: 'kept', notMoved: 'none' },
  kept: { restore: 'restoring', purge: 'purging' },
  restoring: { restored: 'none', notRestored: 'kept' },
  purging: { purged: 'none' },
};

/** @throws Error when the table has no such transition: a bug in the castle, never a caller's mistake */
export function afterVolume(state: VolumeState, event: VolumeEvent): VolumeState {
  const next = volumeTransitions[state][event];
  if (next === undefined) throw new Error(`a volume in state ${state} has no transition for ${event}`);
  return next;
}

/** @throws Error when the table has no such transition: a bug in the castle, never a caller's mistake */
export function afterTrash(state: TrashState, event: TrashEvent): TrashState {
  const next = trashTransitions[state][event];
  if (next === undefined)
    throw new Error(`a deleted volume in state ${state} has no transition for ${event}`);
  return next;
}
