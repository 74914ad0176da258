import { Interrupted } from './failure.ts';

/** The signals that ask a process to end; while `bailey` prepares, each of them calls the preparation off. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;

/** signal(7): these have the same number on every architecture. Node's own table would load node:os. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGPIPE: 13, SIGTERM: 15 } as const;

/** The number of a signal; a shell and our exit code say 128 + it. */
export const signalNumber = (signal: Interrupted['signal']): number => numbers[signal];

/**
 * Catches the ending signals from now on. The first of them asks; who sends a second one does not want to wait for the
 * cleaning up, and gets the end at once.
 * @returns a signal that is aborted, with an Interrupted as its reason, when the first of them comes
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
