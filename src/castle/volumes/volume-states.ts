import type { TrashRecord, VolumeRecord } from '../store/store.ts';

/** The state of a volume; `none`: the store has no such volume. */
export type VolumeState = VolumeRecord['state'] | 'none';

/**
 * What can happen to a volume that is not in the trash. The commit that writes `moved` to the entry in the trash removes the
 * volume from the store, and the commit that writes `restored` adds it again, ready.
 */
export type VolumeEvent = 'create' | 'created' | 'notCreated' | 'discard';

/** The state table of a volume: the state that follows from each event. An event without an entry cannot happen. */
export const volumeTransitions: Record<VolumeState, Partial<Record<VolumeEvent, VolumeState>>> = {
  none: { create: 'creating' },
  // The volume may exist or not: a castle that finds this state at start looks the volume up in the backend.
  creating: { create: 'creating', created: 'ready', notCreated: 'none', discard: 'creating' },
  // `created`: the backend has the volume, and the store has it as ready already.
  ready: { created: 'ready', discard: 'creating' },
};

/** The state of an entry in the trash; `none`: there is no such entry. */
export type TrashState = TrashRecord['state'] | 'none';

/** What can happen to a deleted volume. */
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

/** The state table of a deleted volume. */
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
  if (next === undefined) throw new Error(`a volume that is ${state} cannot take ${event}`);
  return next;
}

/** @throws Error when the table has no such transition: a bug in the castle, never a caller's mistake */
export function afterTrash(state: TrashState, event: TrashEvent): TrashState {
  const next = trashTransitions[state][event];
  if (next === undefined) throw new Error(`a deleted volume that is ${state} cannot take ${event}`);
  return next;
}
