import { writeSync } from 'node:fs';
import { signalNumber } from './ending-signals.ts';
import { errorMessage, Failure, Interrupted } from './failure.ts';
import { printable } from './printable.ts';

/** EX_SOFTWARE of sysexits.h: an internal error. */
const internalError = 70;

/**
 * Writes one line to standard error: the program's name, a colon and the text, with line breaks and control characters
 * made harmless. Errors are ignored: a closed or full standard error must not stop the program.
 */
export function logLine(program: string, line: string): void {
  try {
    // Not process.stderr: it would leave a pipe non-blocking for the program that we become, and is slow to create.
    writeSync(2, `${program}: ${printable(line.replace(/\s*\n\s*/g, ' '))}\n`);
  } catch {
    // errors are ignored, see above
  }
}

/**
 * Runs a command and exits. This is the only place where thrown errors become messages and exit codes: a Failure is one
 * line with its own exit code, a signal is 128+n without a message, anything else is an internal error, 70.
 * @param program the name to print before messages
 * @param work the command; it returns the exit code, or undefined for `process.exitCode`, which is 0 unless set
 */
export async function runProgram(program: string, work: () => Promise<number | undefined>): Promise<never> {
  try {
    process.exit((await work()) ?? process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof Interrupted) process.exit(128 + signalNumber(thrown.signal));
    if (thrown instanceof Failure) {
      logLine(program, thrown.message);
      process.exit(thrown.exitCode);
    }
    logLine(
      program,
      `internal error: ${errorMessage(thrown)}; please report it together with the command that you ran`,
    );
    process.exit(internalError);
  }
}
