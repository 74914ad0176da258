import { Interrupted } from './failure.ts';

/** The signals that end a process by default. Each of them aborts the preparation of `bailey`. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;

/** signal(7): these numbers are the same on every architecture. Node's own table would load node:os. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGPIPE: 13, SIGTERM: 15 } as const;

/** Returns the number of a signal; the exit code after it is 128 + the number. */
export const signalNumber = (signal: Interrupted['signal']): number => numbers[signal];

/**
 * Catches the ending signals from now on. The first one aborts the returned signal, so that the caller can clean up; a
 * second one ends the process at once.
 * @returns a signal that the first ending signal aborts, with an Interrupted as its reason
 */
export function catchEndingSignals(): AbortSignal {
  const controller = new AbortController();
  let first: Interrupted | undefined;
  for (const signal of endingSignals) {
    process.on(signal, () => {
      if (first !== undefined) process.exit(128 + signalNumber(first.signal));
      first = new Interrupted(signal);
      controller.abort(first);
    });
  }
  return controller.signal;
}
