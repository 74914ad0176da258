/**
 * The kinds of failure of `bailey` and `castle`, with their exit codes (sysexits.h). After `bailey` has become another program,
 * that program determines the exit code.
 */
export const exitCodes = {
  /** Wrong command line. */
  usage: 64,
  /** Storage or the controller cannot be reached. */
  unavailable: 69,
  /** A file or folder cannot be created. */
  cannotCreate: 73,
  /** Reading or writing failed. */
  io: 74,
  /** Timed out, or the volume is in use; a later attempt may succeed. */
  tryAgain: 75,
  /** Permission denied, by the file system, the castle or the controller. */
  noPermission: 77,
  /** An option in a file or a variable has a wrong value. */
  config: 78,
  /** The program to run was found, but cannot be executed (POSIX shell). */
  notExecutable: 126,
  /** The program to run was not found (POSIX shell). */
  notFound: 127,
} as const;

export type FailureKind = keyof typeof exitCodes;

/**
 * An expected error: one sentence (what happened, to what, why) and the remedy (what to do). It is printed after the
 * program's name, without a stack trace.
 */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    readonly kind: FailureKind,
    readonly sentence: string,
    readonly remedy?: string,
    options?: ErrorOptions,
  ) {
    super(remedy === undefined ? sentence : `${sentence}; ${remedy}`, options);
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** A signal ended the preparation: the exit code is 128+n, without a message. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGQUIT' | 'SIGPIPE') {
    super(`ended by ${signal}`);
  }
}

/** Returns the system's error code (`ENOENT`, …) of a thrown value, or undefined when it has none. */
export function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}

/** Returns the path in a system error, or undefined when it has none. */
export function errorPath(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'path' in thrown && typeof thrown.path === 'string'
    ? thrown.path
    : undefined;
}

/** Returns the message of a thrown value, whatever was thrown. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
