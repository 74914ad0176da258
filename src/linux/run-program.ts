/**
 * The one way in which the castle starts child processes. A program that is started here has no shell, an optional time
 * limit, and output of bounded size.
 *
 * How it ended is one value of five kinds. The unusual one is `hung`: a process in an uninterruptible system call (state D
 * of proc_pid_stat(5), as with a file system that does not answer) does not end on SIGKILL either. The caller gets control
 * back, and a promise for the moment at which the process is gone after all.
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

/** The output that is kept unless the caller says otherwise, in bytes. */
const defaultOutputLimitBytes = 16 * 1024;

export interface ProgramOptions {
  /** Its environment; that of the castle when absent. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * What it gets as descriptors 3, 4 and so on. A lock (flock) on such a file lasts until the program has ended, even when
   * the castle ends before.
   */
  readonly descriptors?: readonly (number | 'ignore')[];
  /** It is killed after this time, in milliseconds; without, it may run for as long as it likes. */
  readonly timeLimitMs?: number;
  /** Kills it; only for a program whose work may be cut off anywhere. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export type ProgramEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  /** By a signal that was not sent for the time limit. */
  | { readonly kind: 'signaled'; readonly signal: NodeJS.Signals }
  /** Killed at its time limit, and gone. */
  | { readonly kind: 'timed-out' }
  /** Killed at its time limit, and not gone a second later. `gone` resolves when it is. */
  | { readonly kind: 'hung'; readonly gone: Promise<void> }
  /** It could not be started. */
  | { readonly kind: 'not-started'; readonly error: string };

/** A program that was started. It may also have failed to start: `end` tells. */
export interface RunningProgram {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The last line that it has printed to descriptor 2 so far; empty without one. */
  lastMessage(): string;
  /** Resolves when the program has ended and its output is read; never rejects. */
  readonly end: Promise<ProgramEnd>;
  /** Sends SIGKILL and discards the rest of its output; does nothing when it has ended already. */
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
  // Without a free descriptor for the pipes, there are none: the program is not started, and `end` tells why.
  const stdin = child.stdin ?? new PassThrough().resume();
  const stdout = child.stdout ?? Readable.from([]);
  // It may have ended without having read all of it: its end tells how.
  stdin.on('error', () => undefined);
  function kill(): void {
    child.kill('SIGKILL');
    stdout.destroy();
  }
  return { pid: child.pid, stdin, stdout, lastMessage: () => messages.lastLine(), end, kill };
}

/** A program that has ended. */
export interface ProgramResult {
  readonly end: ProgramEnd;
  /** Undefined unless it exited by itself. */
  readonly exitCode: number | undefined;
  /** What it printed to descriptor 1. */
  readonly stdout: string;
  /** Whether it printed more than was kept: `stdout` lacks the beginning then. */
  readonly isTruncated: boolean;
  /** The last line that it printed to descriptor 1 or 2, or else how it ended; for messages. */
  readonly lastLine: string;
}

/**
 * Runs a program without input to its end. It does not throw when the program fails: `end` tells what went wrong.
 * @param outputLimitBytes of longer output only the end is kept
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
      return 'killed at its time limit, and still not gone';
    case 'not-started':
      return `it cannot be run: ${end.error}`;
  }
}

/** The lines of a stream, without their ends. They end early when the stream is destroyed. */
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
    // Destroyed: how the program ended tells why.
  }
  if (rest !== '') yield rest;
}

/**
 * Checks that programs of the host can be run, before the first of them is needed.
 * @param origin the package to install
 * @throws Failure config
 */
export async function requirePrograms(programs: readonly string[], origin: string): Promise<void> {
  const results = await Promise.all(programs.map((program) => runProgram(program, ['-V'])));
  const missing = programs.find((_, index) => results[index]?.end.kind === 'not-started');
  if (missing !== undefined) {
    throw new Failure('config', `${missing} cannot be run on this host`, `install ${origin}`);
  }
}

/** Starts the process and follows it to its end. */
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
      // Also emitted for a signal that could not be sent: then the process is there, and `close` follows.
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

/** The last bytes of a program's output. */
class OutputTail {
  private parts: Buffer[] = [];
  private bytes = 0;
  isTruncated = false;

  constructor(private readonly limitBytes: number) {}

  add(part: Buffer): void {
    this.parts.push(part);
    this.bytes += part.length;
    // Twice the limit, so that output in many small parts is not copied with each of them.
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
