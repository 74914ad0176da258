import type { Garbage } from '../garbage/garbage.ts';

/** A stray as people are told of it. */
export interface FoundGarbage extends Garbage {
  /** What a person can do about it, where the castle may not: it did not make it, or cannot tell whose it is. */
  readonly byHand?: string;
}

/** Finds the strays of one kind. Looking changes nothing. */
export interface Collector {
  /** What it looks for, for the sentence that it could not. */
  readonly name: string;
  find(): Promise<readonly FoundGarbage[]>;
}

/** For what is told of only. */
export const leaveAlone = async (): Promise<boolean> => false;
