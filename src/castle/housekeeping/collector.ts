import type { Garbage } from '../garbage/garbage.ts';

/** Garbage as it is reported. */
export interface FoundGarbage extends Garbage {
  /** What a person can do about it, where the castle must not remove it: it did not create it, or cannot tell who uses it. */
  readonly byHand?: string;
}

/** Finds the garbage of one kind. `find` changes nothing. */
export interface Collector {
  /** What it looks for, as the message of a failure names it. */
  readonly name: string;
  find(): Promise<readonly FoundGarbage[]>;
}

/** The `remove` of garbage that is only reported. */
export const leaveAlone = async (): Promise<boolean> => false;
