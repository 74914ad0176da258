import type { LeaseState } from '../../protocol/contract.ts';

/** The events that change the state of a lease. */
export type LeaseEvent =
  | 'mounted'
  | 'mountFailed'
  | 'release'
  | 'released'
  | 'releaseFailed'
  | 'containerEnded';

/** The state table of a lease: the next state for each state and event. An event without an entry is a bug in that state. */
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
 * Returns the state after an event.
 * @throws Error when the table has no such transition, which is a bug in the castle and never caused by a wrong request
 */
export function nextLeaseState(state: LeaseState, event: LeaseEvent): LeaseState {
  const next = transitions[state][event];
  if (next === undefined) throw new Error(`a lease in state ${state} has no transition for ${event}`);
  return next;
}
