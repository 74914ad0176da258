import type { Native } from '../../linux/native-addon.ts';
import { endingSignals, signalNumber } from '../../terminal/ending-signals.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import { restoreRawArguments } from './raw-arguments.ts';

/** A program to become, with the environment and the standard streams that we were given, unless it says otherwise. */
export interface Launch {
  /** The program's file; PATH is not searched. */
  readonly file: string;
  /** All arguments, argv[0] first. */
  readonly argv: readonly string[];
  /** Names of variables that it does not get. */
  readonly withoutVariables?: readonly string[];
  /** Descriptor that becomes its standard input. */
  readonly stdin?: number;
}

/**
 * Replaces this process by another program without losing a signal on the way: first the ending signals get their
 * default action natively, so that one that comes from here on ends this process with the right status; then the event
 * loop goes round, so that one that was caught before is dispatched and aborts `signal`.
 * @param native the addon
 * @param launch what to become
 * @param signal what {@link catchEndingSignals} returned
 * @throws the signal's reason when a signal came before; Failure 126 or 127 when the system refuses the program
 */
export async function handOver(native: Native, launch: Launch, signal: AbortSignal): Promise<never> {
  for (const name of endingSignals) native.resetSignal(signalNumber(name));
  await throwIfSignalled(signal);
  return replaceProcess(native, launch);
}

/** Replaces this process by another program at once. */
export function replaceProcess(
  native: Native,
  { file, argv, withoutVariables = [], stdin = -1 }: Launch,
): never {
  try {
    return native.exec(file, restoreRawArguments(argv), withoutVariables, stdin);
  } catch (thrown) {
    throw refusal(file, thrown);
  }
}

function refusal(file: string, thrown: unknown): Failure {
  const code = errorCode(thrown);
  // ENOENT for a file that was there a moment ago: the interpreter or the ELF loader that it names is missing.
  if (code === 'ENOENT')
    return new Failure('notFound', `${file} cannot be started: it, its interpreter or its loader is missing`);
  if (code === 'E2BIG')
    return new Failure('notExecutable', `${file} cannot be started: arguments and environment are too long`);
  return new Failure('notExecutable', `${file} cannot be started: ${code ?? errorMessage(thrown)}`);
}

/**
 * Lets the event loop dispatch every signal that has been caught by now.
 * @throws the signal's reason when it is aborted
 */
export async function throwIfSignalled(signal: AbortSignal): Promise<void> {
  // Two turns have a whole poll phase between them, wherever in the loop the first began: setImmediate called in the
  // poll phase runs in the same turn's check phase.
  await nextEventLoopTurn();
  await nextEventLoopTurn();
  signal.throwIfAborted();
}

const nextEventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
