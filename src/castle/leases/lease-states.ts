import type { LeaseState } from '../../protocol/contract.ts';

/** What can happen to a lease. */
export type LeaseEvent =
  | 'mounted'
  | 'mountFailed'
  | 'release'
  | 'released'
  | 'releaseFailed'
  | 'containerEnded';

/** The state table of a lease: the state that follows from each event. An event without an entry cannot happen. */
export const transitions: Record<LeaseState, Partial<Record<LeaseEvent, LeaseState>>> = {
  mounting: { mounted: 'mounted', mountFailed: 'ended', release: 'releasing', containerEnded: 'ended' },
  mounted: { mounted: 'mounted', release: 'releasing', containerEnded: 'ended' },
  releasing: {
    mounted: 'mounted',
    release: 'releasing',
    released: 'ended',
    releaseFailed: 'mounted',
    containerEnded: 'ended',
  },
  ended: {},
};

/**
 * The state after an event.
 * @throws Error when the table has no such transition: a bug in the castle, never a caller's mistake
 */
export function after(state: LeaseState, event: LeaseEvent): LeaseState {
  const next = transitions[state][event];
  if (next === undefined) throw new Error(`a lease that is ${state} cannot take ${event}`);
  return next;
}
