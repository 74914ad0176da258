import type { Color } from '../../terminal/colors.ts';

const colors: Readonly<Record<string, Color>> = {
  // leases, volumes, snapshots, devices
  mounted: 'green',
  ready: 'green',
  attached: 'green',
  mounting: 'yellow',
  releasing: 'yellow',
  creating: 'yellow',
  freezing: 'yellow',
  taking: 'yellow',
  deleting: 'yellow',
  attaching: 'yellow',
  detaching: 'yellow',
  busy: 'yellow',
  // garbage collection
  removed: 'green',
  found: 'yellow',
  left: 'yellow',
  failed: 'red',
  // castle doctor
  ok: 'green',
  warning: 'yellow',
  missing: 'red',
};

/** Returns the color of a state, outcome or result; undefined for a word without one. */
export const colorOf = (word: string): Color | undefined =>
  Object.hasOwn(colors, word) ? colors[word] : undefined;

/** Returns the color of a table's cell: states have one. */
export const colorOfState = (title: string, cell: string): Color | undefined =>
  title === 'STATE' ? colorOf(cell) : undefined;
