import type { Native } from '../../linux/native-addon.ts';
import { endingSignals, signalNumber } from '../../terminal/ending-signals.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import { restoreRawArguments } from './raw-arguments.ts';

/** A program to become. It inherits the environment and the standard streams, except as stated here. */
export interface Launch {
  /** The program's file; PATH is not searched. */
  readonly file: string;
  /** All arguments, argv[0] first. */
  readonly argv: readonly string[];
  /** Names of variables to remove from its environment. */
  readonly withoutVariables?: readonly string[];
  /** Descriptor that becomes its standard input. */
  readonly stdin?: number;
}

/**
 * Replaces this process by another program without losing a signal. First the ending signals get their default action,
 * so that a signal from now on ends this process with the right status. Then the event loop runs, so that a signal that
 * was caught before is dispatched and aborts `signal`.
 * @param native the addon
 * @param launch the program to become
 * @param signal the result of {@link catchEndingSignals}
 * @throws the signal's reason when a signal arrived before; Failure 126 or 127 when the system cannot execute the program
 */
export async function handOver(native: Native, launch: Launch, signal: AbortSignal): Promise<never> {
  for (const name of endingSignals) native.resetSignal(signalNumber(name));
  await throwIfSignalled(signal);
  return replaceProcess(native, launch);
}

/** Replaces this process by another program immediately, without checking for signals. */
export function replaceProcess(
  native: Native,
  { file, argv, withoutVariables = [], stdin = -1 }: Launch,
): never {
  try {
    return native.exec(file, restoreRawArguments(argv), withoutVariables, stdin);
  } catch (thrown) {
    throw execFailure(file, thrown);
  }
}

function execFailure(file: string, thrown: unknown): Failure {
  const code = errorCode(thrown);
  // ENOENT for a file that existed a moment ago: the interpreter or ELF loader that it names is missing.
  if (code === 'ENOENT')
    return new Failure('notFound', `${file} cannot be started: it, its interpreter or its loader is missing`);
  if (code === 'E2BIG')
    return new Failure('notExecutable', `${file} cannot be started: arguments and environment are too long`);
  return new Failure('notExecutable', `${file} cannot be started: ${code ?? errorMessage(thrown)}`);
}

/**
 * Lets the event loop dispatch every signal that has been caught so far.
 * @throws the signal's reason when it is aborted
 */
export async function throwIfSignalled(signal: AbortSignal): Promise<void> {
  // Called twice, so that a whole poll phase runs in between: a setImmediate that is called in the poll phase runs in the
  // check phase of the same iteration.
  await nextEventLoopTurn();
  await nextEventLoopTurn();
  signal.throwIfAborted();
}

const nextEventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
