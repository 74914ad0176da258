import { setTimeout as pause } from 'node:timers/promises';

/** The demo cannot continue, for the reason in the message. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}

export interface WaitOptions {
  /** The condition in words, for the message: "the castle answers". */
  readonly what: string;
  readonly withinMs: number;
  /** Ends the wait; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** @returns why the condition cannot come true any more, or undefined */
  readonly impossible?: () => string | undefined;
}

const pollEveryMs = 25;

/**
 * Waits until `poll` returns a value. Unlike test/kit/until.ts, it can be aborted, and a timeout is a message for users.
 * @throws DemoError after the timeout, or when the condition has become impossible
 */
export async function until<Value>(
  poll: () => Promise<Value | undefined> | Value | undefined,
  { what, withinMs, signal, impossible }: WaitOptions,
): Promise<Value> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    const value = await poll();
    if (value !== undefined && value !== false) return value;
    const reason = impossible?.();
    if (reason !== undefined) throw new DemoError(`waited until ${what}, but ${reason}`);
    if (performance.now() > deadline)
      throw new DemoError(`timed out after ${withinMs / 1000} s: waited until ${what}`);
    await pause(pollEveryMs, undefined, signal === undefined ? {} : { signal });
  }
}
