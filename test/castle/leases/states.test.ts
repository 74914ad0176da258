/** The tables of what can become of a lease, a volume and a deleted volume: nothing in them is a dead end. */
import t from 'tap';
import { after, transitions } from '../../../src/castle/leases/lease-states.ts';
import {
  afterTrash,
  afterVolume,
  trashTransitions,
  volumeTransitions,
} from '../../../src/castle/volumes/volume-states.ts';

type Table = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>;

/** The states that can be reached from one. */
function reachable(table: Table, from: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of Object.values(table[at] ?? {})) {
      if (next === undefined || found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

const tables: readonly {
  readonly what: string;
  readonly table: Table;
  readonly step: (state: string, event: string) => string;
  readonly first: string;
  readonly last: string;
  /** States that a killed castle may leave, and that the next one has to get out of in both directions. */
  readonly underWay: readonly string[];
}[] = [
  {
    what: 'a lease',
    table: transitions,
    step: (state, event) => after(state as Parameters<typeof after>[0], event as Parameters<typeof after>[1]),
    first: 'mounting',
    last: 'ended',
    underWay: ['mounting', 'releasing'],
  },
  {
    what: 'a volume',
    table: volumeTransitions,
    step: (state, event) =>
      afterVolume(state as Parameters<typeof afterVolume>[0], event as Parameters<typeof afterVolume>[1]),
    first: 'none',
    last: 'none',
    underWay: ['creating'],
  },
  {
    what: 'a deleted volume',
    table: trashTransitions,
    step: (state, event) =>
      afterTrash(state as Parameters<typeof afterTrash>[0], event as Parameters<typeof afterTrash>[1]),
    first: 'none',
    last: 'none',
    underWay: ['deleting', 'restoring'],
  },
];

for (const { what, table, step, first, last, underWay } of tables) {
  t.test(`what can become of ${what}`, async (t) => {
    const states = Object.keys(table);
    const events = new Set(states.flatMap((state) => Object.keys(table[state] ?? {})));
    const fromFirst = reachable(table, first);
    for (const state of states) {
      t.ok(state === first || fromFirst.has(state), `${state} comes about`);
      t.ok(state === last || reachable(table, state).has(last), `${state} comes to an end`);
      for (const event of events) {
        const next = table[state]?.[event];
        if (next === undefined) t.throws(() => step(state, event), /cannot take/, `${state}: no ${event}`);
        else t.equal(step(state, event), next, `${state}: ${event}`);
      }
    }
    for (const state of underWay) {
      const ends = new Set(Object.values(table[state] ?? {}).filter((next) => next !== state));
      t.ok(ends.size >= 2, `${state} can be finished and undone: ${[...ends].join(', ')}`);
    }
  });
}
