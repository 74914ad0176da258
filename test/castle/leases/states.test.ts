/**
 * The state tables of a lease, a volume, a deleted volume and a snapshot, compared with a second, complete table: the
 * result of every event in every state. A pair that is missing here is a type error.
 */
import t from 'tap';
import { nextLeaseState as afterLease, type LeaseEvent } from '../../../src/castle/leases/lease-states.ts';
import {
  nextSnapshotState as afterSnapshot,
  type SnapshotEvent,
} from '../../../src/castle/snapshots/snapshot-states.ts';
import {
  afterTrash,
  afterVolume,
  type TrashEvent,
  type TrashState,
  type VolumeEvent,
  type VolumeState,
} from '../../../src/castle/volumes/volume-states.ts';
import type { LeaseState, SnapshotState } from '../../../src/protocol/contract.ts';

/** The event cannot happen in this state: the table throws, because it is a bug. */
const never = 'never';

type Expected<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Record<Event, State | typeof never>>>
>;

interface Machine<State extends string, Event extends string> {
  readonly expected: Expected<State, Event>;
  readonly step: (state: State, event: Event) => State;
  readonly first: State;
  /** States that can last. */
  readonly atRest: readonly State[];
  /** States that a killed castle can leave in the store; the next castle leaves each by one of these events. */
  readonly afterCrash: Readonly<Partial<Record<State, readonly Event[]>>>;
}

const lease: Machine<LeaseState, LeaseEvent> = {
  expected: {
    mounting: {
      mounted: 'mounted',
      mountFailed: 'ended',
      release: 'releasing',
      released: never,
      releaseFailed: never,
      containerEnded: 'ended',
    },
    mounted: {
      mounted: 'mounted',
      mountFailed: never,
      release: 'releasing',
      released: never,
      releaseFailed: never,
      containerEnded: 'ended',
    },
    releasing: {
      mounted: 'mounted',
      mountFailed: never,
      release: 'releasing',
      released: 'ended',
      releaseFailed: 'mounted',
      containerEnded: 'ended',
    },
    ended: {
      mounted: never,
      mountFailed: never,
      release: never,
      released: never,
      releaseFailed: never,
      containerEnded: never,
    },
  },
  step: afterLease,
  first: 'mounting',
  atRest: ['mounted', 'ended'],
  afterCrash: { mounting: ['mounted', 'mountFailed'], releasing: ['mounted', 'released'] },
};

const volume: Machine<VolumeState, VolumeEvent> = {
  expected: {
    none: { create: 'creating', created: never, notCreated: never, discard: never },
    creating: { create: 'creating', created: 'ready', notCreated: 'none', discard: 'creating' },
    ready: { create: never, created: 'ready', notCreated: never, discard: 'creating' },
  },
  step: afterVolume,
  first: 'none',
  atRest: ['none', 'ready'],
  afterCrash: { creating: ['created', 'notCreated'] },
};

const impossible = {
  delete: never,
  found: never,
  moved: never,
  notMoved: never,
  restore: never,
  restored: never,
  notRestored: never,
  purge: never,
  purged: never,
} as const;

const trash: Machine<TrashState, TrashEvent> = {
  expected: {
    none: { ...impossible, delete: 'deleting', found: 'kept' },
    deleting: { ...impossible, moved: 'kept', notMoved: 'none' },
    kept: { ...impossible, restore: 'restoring', purge: 'purging' },
    restoring: { ...impossible, restored: 'none', notRestored: 'kept' },
    purging: { ...impossible, purged: 'none' },
  },
  step: afterTrash,
  first: 'none',
  atRest: ['none', 'kept'],
  afterCrash: {
    deleting: ['moved', 'notMoved'],
    restoring: ['restored', 'notRestored'],
    purging: ['purged'],
  },
};

const snapshot: Machine<SnapshotState, SnapshotEvent> = {
  expected: {
    freezing: { started: 'taking', completed: never, failed: 'deleting', remove: never, removed: never },
    taking: { started: never, completed: 'ready', failed: 'deleting', remove: never, removed: never },
    ready: { started: never, completed: never, failed: never, remove: 'deleting', removed: never },
    deleting: { started: never, completed: never, failed: never, remove: 'deleting', removed: 'deleted' },
    deleted: { started: never, completed: never, failed: never, remove: never, removed: never },
  },
  step: afterSnapshot,
  // A snapshot without a freeze begins in `taking`, which is reached from here as well.
  first: 'freezing',
  atRest: ['ready', 'deleted'],
  afterCrash: { freezing: ['failed'], taking: ['completed', 'failed'], deleting: ['removed'] },
};

/** The states that `step` reaches from one, by any events. */
function reachable<State extends string, Event extends string>(
  { expected, step }: Machine<State, Event>,
  from: State,
): ReadonlySet<State> {
  const found = new Set<State>();
  const open = [from];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const event of Object.keys(expected[state]) as Event[]) {
      let next: State;
      try {
        next = step(state, event);
      } catch {
        continue; // check() compares the pairs that throw
      }
      if (!found.has(next)) open.push(next);
      found.add(next);
    }
  }
  return found;
}

function check<State extends string, Event extends string>(
  what: string,
  machine: Machine<State, Event>,
): void {
  t.test(
    `the transitions of ${what} are those of the second table, and recovery ends every interrupted state`,
    async (t) => {
      const { expected, step, first, atRest, afterCrash } = machine;
      const states = Object.keys(expected) as State[];
      for (const state of states) {
        for (const [event, next] of Object.entries(expected[state]) as [Event, State | typeof never][]) {
          if (next === never)
            t.throws(() => step(state, event), /has no transition for/, `${state}: never ${event}`);
          else t.equal(step(state, event), next, `${state}, ${event}: ${next}`);
        }
      }
      const fromFirst = reachable(machine, first);
      for (const state of states) {
        t.ok(state === first || fromFirst.has(state), `${state} is reached from ${first}`);
        if (atRest.includes(state)) continue;
        t.ok(state in afterCrash, `a crash can leave ${state}, and recovery has events for it`);
        for (const event of afterCrash[state] ?? []) {
          const next = step(state, event);
          const settled = [next, ...reachable(machine, next)].some((state) => atRest.includes(state));
          t.ok(next !== state && settled, `after a crash in ${state}, ${event} leads to a state at rest`);
        }
      }
    },
  );
}

check('a lease', lease);
check('a volume', volume);
check('a deleted volume', trash);
check('a snapshot', snapshot);
