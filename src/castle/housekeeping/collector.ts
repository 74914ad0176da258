import type { Garbage } from '../garbage/garbage.ts';

/** Garbage that a collector found. */
export interface FoundGarbage extends Garbage {
  /** The remedy for an operator. Set when the castle must not remove the object: another program may own or use it. */
  readonly operatorRemedy?: string;
}

/** Finds the garbage of one kind. `find` changes nothing. */
export interface Collector {
  /** The name of the searched objects, for the message of a failed search. */
  readonly name: string;
  find(): Promise<readonly FoundGarbage[]>;
}

/** The `remove` function of garbage that the castle only reports. */
export const removeNothing = async (): Promise<boolean> => false;
