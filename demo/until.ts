import { setTimeout as pause } from 'node:timers/promises';

/** Something that the demo promises did not come true; its message is a whole sentence. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

export interface Patience {
  /** What is waited for, as the end of a sentence: "the castle answers". */
  readonly what: string;
  readonly withinMs: number;
  /** Ends the waiting by rejecting with its reason. */
  readonly signal?: AbortSignal;
  /** Why there is no point in waiting any longer, or undefined. */
  readonly hopeless?: () => string | undefined;
}

const betweenLooksMs = 25;

/**
 * Waits until `look` returns something.
 * @throws BrokenPromise when it does not in time, or cannot any more
 */
export async function until<Seen>(
  look: () => Promise<Seen | undefined> | Seen | undefined,
  { what, withinMs, signal, hopeless }: Patience,
): Promise<Seen> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    const why = hopeless?.();
    if (why !== undefined) throw new BrokenPromise(`waited until ${what}, but ${why}`);
    if (performance.now() > deadline)
      throw new BrokenPromise(`waited ${withinMs / 1000} s until ${what}, in vain`);
    await pause(betweenLooksMs, undefined, signal === undefined ? {} : { signal });
  }
}
