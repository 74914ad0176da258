import { writeSync } from 'node:fs';
import { errorMessage, Failure, Interrupted } from './failure.ts';
import { printable } from './printable.ts';
import { signalNumber } from './signals.ts';

/** EX_SOFTWARE of sysexits.h: a fault of ours. */
const unforeseen = 70;

/** Prints one line on stderr, with the program's name before it; what others have put into it stays text. */
export function say(program: string, line: string): void {
  try {
    // Not process.stderr: it would leave a pipe non-blocking for the program that we become, and takes time to make.
    writeSync(2, `${program}: ${printable(line.replace(/\s*\n\s*/g, ' '))}\n`);
  } catch {
    // nobody listens, or nobody reads: no reason to stop
  }
}

/**
 * The frame that every command runs in: it alone turns what a command throws into words and an exit code.
 * A Failure is one line, its sentence and its remedy; an end by a signal is 128+n without a word; anything else is a
 * fault of ours: one line, and 70.
 * @param program the name to print
 * @param work the command; what it returns is the exit code, nothing is `process.exitCode`, and without that 0
 */
export async function inFrame(program: string, work: () => Promise<number | undefined>): Promise<never> {
  try {
    process.exit((await work()) ?? process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof Interrupted) process.exit(128 + signalNumber(thrown.signal));
    if (thrown instanceof Failure) {
      say(program, thrown.message);
      process.exit(thrown.exitCode);
    }
    say(
      program,
      `a fault in ${program} itself: ${errorMessage(thrown)}; please report it with the command that led here`,
    );
    process.exit(unforeseen);
  }
}
