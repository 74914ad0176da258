import type { TrashRecord, VolumeRecord } from '../store/store.ts';

/** What a volume can be in; `none`: the store has no such volume. */
export type VolumeState = VolumeRecord['state'] | 'none';

/**
 * What can happen to a volume while it is not in the trash: it is taken out of the store when it was `moved` there, and put
 * back, ready, when it was `broughtBack`, in one commit with the entry in the trash.
 */
export type VolumeEvent = 'create' | 'made' | 'notMade' | 'discard';

/** The life of a volume: the state that follows from each event; where there is none, the event can't happen. */
export const volumeTransitions: Record<VolumeState, Partial<Record<VolumeEvent, VolumeState>>> = {
  none: { create: 'creating' },
  // May be there or not: a castle that finds it so looks, and it was made or not.
  creating: { create: 'creating', made: 'ready', notMade: 'none', discard: 'creating' },
  // Found, whatever was known of it.
  ready: { made: 'ready', discard: 'creating' },
};

/** What a place in the trash can be in; `none`: there is no such place. */
export type TrashState = TrashRecord['state'] | 'none';

/** What can happen to a deleted volume. */
export type TrashEvent =
  | 'delete'
  | 'found'
  | 'moved'
  | 'notMoved'
  | 'restore'
  | 'broughtBack'
  | 'notBroughtBack'
  | 'purge'
  | 'purged';

/** The life of a deleted volume. */
export const trashTransitions: Record<TrashState, Partial<Record<TrashEvent, TrashState>>> = {
  none: { delete: 'deleting', found: 'kept' },
  deleting: { moved: 'kept', notMoved: 'none' },
  kept: { restore: 'restoring', purge: 'purging' },
  restoring: { broughtBack: 'none', notBroughtBack: 'kept' },
  purging: { purged: 'none' },
};

/** @throws Error when the event can't happen in that state: a defect of the castle, never of a caller */
export function afterVolume(state: VolumeState, event: VolumeEvent): VolumeState {
  const next = volumeTransitions[state][event];
  if (next === undefined) throw new Error(`a volume that is ${state} cannot take ${event}`);
  return next;
}

/** @throws Error when the event can't happen in that state: a defect of the castle, never of a caller */
export function afterTrash(state: TrashState, event: TrashEvent): TrashState {
  const next = trashTransitions[state][event];
  if (next === undefined) throw new Error(`a deleted volume that is ${state} cannot take ${event}`);
  return next;
}
