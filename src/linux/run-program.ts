/**
 * Starts child processes for the castle; no other module does. A program runs without a shell, with an optional time limit,
 * and its output is kept up to a limit.
 *
 * Its end is described by one value of five kinds. The unusual kind is `hung`: a process in an uninterruptible system call
 * (state D of proc_pid_stat(5), as with a file system that does not answer) does not end on SIGKILL either. The caller gets
 * control back, and a promise that resolves when the process has ended.
 *
 * `runProgram` waits for the end and keeps the output; `startProgram` is for programs that answer line by line, or whose
 * output is a stream.
 */
import { spawn } from 'node:child_process';
import { PassThrough, Readable, type Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { Failure } from '../terminal/failure.ts';

/** How long a killed process may take to end before it counts as hung, in milliseconds. */
const endAfterKillMs = 1_000;

/** Default limit for the output that is kept, in bytes. */
const defaultOutputLimitBytes = 16 * 1024;

export interface ProgramOptions {
  /** Environment of the program. Default: the environment of the castle. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Files that the program inherits as descriptors 3, 4 and so on. A lock (flock) on such a file lasts until the program
   * has ended, even when the castle ends before.
   */
  readonly descriptors?: readonly (number | 'ignore')[];
  /** Time limit in milliseconds, after which the program is killed. Default: no limit. */
  readonly timeLimitMs?: number;
  /** Kills the program when aborted. Only for a program that can be killed at any point without damage. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export type ProgramEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  /** Ended by a signal that was not sent because of the time limit. */
  | { readonly kind: 'signaled'; readonly signal: NodeJS.Signals }
  /** Killed at its time limit; the process has ended. */
  | { readonly kind: 'timed-out' }
  /** Killed at its time limit, but the process still exists a second later. `gone` resolves when it has ended. */
  | { readonly kind: 'hung'; readonly gone: Promise<void> }
  /** The program could not be started. */
  | { readonly kind: 'not-started'; readonly error: string };

/** A started program. If the start failed, `end` has the reason. */
export interface RunningProgram {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The last line that the program has printed to standard error so far; empty when there is none. */
  lastMessage(): string;
  /** Resolves when the program has ended and its output is read; never rejects. */
  readonly end: Promise<ProgramEnd>;
  /** Sends SIGKILL and discards the remaining output. Does nothing when the program has ended already. */
  kill(): void;
}

/**
 * Starts a program with pipes for its input and output. The caller has to read `stdout` to its end or to call `kill`, else
 * the program blocks and `end` does not resolve.
 */
export function startProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): RunningProgram {
  const { child, messages, end } = start(program, args, options, 'pipe');
  // Without a free descriptor there are no pipes: the program is not started, and `end` has the reason.
  const stdin = child.stdin ?? new PassThrough().resume();
  const stdout = child.stdout ?? Readable.from([]);
  // A write error is ignored: the program may have ended before it read all input, and `end` describes how it ended.
  stdin.on('error', () => undefined);
  function kill(): void {
    child.kill('SIGKILL');
    stdout.destroy();
  }
  return { pid: child.pid, stdin, stdout, lastMessage: () => messages.lastLine(), end, kill };
}

/** The result of a program that has ended. */
export interface ProgramResult {
  readonly end: ProgramEnd;
  /** Exit code; undefined unless the program exited without a signal. */
  readonly exitCode: number | undefined;
  /** The output on standard output, up to the limit. */
  readonly stdout: string;
  /** Whether the output exceeded the limit. If so, `stdout` lacks the beginning. */
  readonly isTruncated: boolean;
  /** For messages: the last line of standard output or standard error, or how the program ended when there is none. */
  readonly lastLine: string;
}

/**
 * Runs a program without input and waits for its end. Does not throw when the program fails: `end` has the reason.
 * @param outputLimitBytes limit for the output that is kept; of longer output, the end is kept
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions & { readonly outputLimitBytes?: number } = {},
): Promise<ProgramResult> {
  const { child, messages, end } = start(program, args, options, 'ignore');
  const stdout = new OutputTail(options.outputLimitBytes ?? defaultOutputLimitBytes);
  child.stdout?.on('data', (part: Buffer) => {
    stdout.add(part);
    messages.add(part);
  });
  const ended = await end;
  return {
    end: ended,
    exitCode: ended.kind === 'exited' ? ended.exitCode : undefined,
    stdout: stdout.text(),
    isTruncated: stdout.isTruncated,
    lastLine: messages.lastLine() || describeEnd(ended),
  };
}

/** How a program ended, as the end of a sentence: `exit code 1`, `SIGKILL`. */
export function describeEnd(end: ProgramEnd): string {
  switch (end.kind) {
    case 'exited':
      return `exit code ${end.exitCode}`;
    case 'signaled':
      return end.signal;
    case 'timed-out':
      return 'killed at its time limit';
    case 'hung':
      return 'killed at its time limit, but it has not ended';
    case 'not-started':
      return `it cannot be run: ${end.error}`;
  }
}

/** Iterates over the lines of a stream, without line ends. The iteration ends early when the stream is destroyed. */
export async function* readLines(stream: Readable): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const part of stream) {
      const lines = (rest + decoder.write(part)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    // The stream was destroyed; the end of the program has the reason.
  }
  if (rest !== '') yield rest;
}

/**
 * Checks at the start that required programs of the host are installed and can be executed.
 * @param origin the package that contains them, for the message
 * @throws Failure config
 */
export async function requirePrograms(programs: readonly string[], origin: string): Promise<void> {
  const results = await Promise.all(programs.map((program) => runProgram(program, ['-V'])));
  const missing = programs.find((_, index) => results[index]?.end.kind === 'not-started');
  if (missing !== undefined) {
    throw new Failure('config', `${missing} cannot be run on this host`, `install ${origin}`);
  }
}

/** Starts the process. `end` resolves when the process has ended or counts as hung. */
function start(
  program: string,
  args: readonly string[],
  { env, descriptors = [], timeLimitMs, signal }: ProgramOptions,
  stdin: 'ignore' | 'pipe',
) {
  const child = spawn(program, args, {
    stdio: [stdin, 'pipe', 'pipe', ...descriptors],
    ...(env === undefined ? {} : { env }),
  });
  const messages = new OutputTail(defaultOutputLimitBytes);
  child.stderr?.on('data', (part: Buffer) => messages.add(part));
  const kill = () => void child.kill('SIGKILL');
  const end = new Promise<ProgramEnd>((resolve) => {
    const gone = new Promise<void>((resolveGone) => {
      child.once('exit', () => resolveGone());
    });
    let isTimedOut = false;
    let timer: NodeJS.Timeout | undefined;
    function finish(ended: ProgramEnd): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
      resolve(ended);
    }
    if (timeLimitMs !== undefined) {
      timer = setTimeout(() => {
        isTimedOut = true;
        kill();
        timer = setTimeout(() => {
          for (const stream of child.stdio) stream?.destroy();
          child.unref();
          finish({ kind: 'hung', gone });
        }, endAfterKillMs);
      }, timeLimitMs);
    }
    if (signal?.aborted === true) kill();
    signal?.addEventListener('abort', kill);
    child.once('error', (error: NodeJS.ErrnoException) => {
      // `error` is also emitted when a signal could not be sent. The process exists then, and `close` follows.
      if (child.pid === undefined) finish({ kind: 'not-started', error: error.code ?? error.message });
    });
    child.once('close', (exitCode, endSignal) => {
      if (exitCode !== null) finish({ kind: 'exited', exitCode });
      else if (isTimedOut) finish({ kind: 'timed-out' });
      else finish({ kind: 'signaled', signal: endSignal ?? 'SIGKILL' });
    });
  });
  return { child, messages, end };
}

/** Keeps the last bytes of a program's output. */
class OutputTail {
  private parts: Buffer[] = [];
  private bytes = 0;
  isTruncated = false;

  constructor(private readonly limitBytes: number) {}

  add(part: Buffer): void {
    this.parts.push(part);
    this.bytes += part.length;
    // Cut only at twice the limit, so that output in many small parts is not copied with each part.
    if (this.bytes > 2 * this.limitBytes) this.cut();
  }

  text(): string {
    if (this.bytes > this.limitBytes) this.cut();
    return Buffer.concat(this.parts).toString('utf8');
  }

  lastLine(): string {
    return this.text().trim().split('\n').at(-1) ?? '';
  }

  private cut(): void {
    const tail = Buffer.concat(this.parts).subarray(-this.limitBytes);
    this.parts = [tail];
    this.bytes = tail.length;
    this.isTruncated = true;
  }
}
