import type { Command } from 'commander';
import { socketPathFault } from '../../protocol/castle-url.ts';
import { type Answer, type CallOptions, connectTo } from '../../protocol/http.ts';
import { errorCode, errorMessage, Failure, type FailureKind } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable, printableJson } from '../../terminal/printable.ts';
import { defaultWatchSeconds, watch, watchSeconds } from '../../terminal/watch.ts';
import { defaultSocket } from '../daemon/default-paths.ts';

interface AskOptions {
  readonly socket: string;
  readonly json?: boolean;
  /** Seconds between two looks; true without a number. */
  readonly watch?: number | true;
}

/** How long an answer may be, in bytes: a list of a million volumes or snapshots, and some. */
const longestBytes = 256 * 1024 * 1024;

/**
 * How long an order may take, in milliseconds: it may allocate all the room of a volume, copy all that is in one, or stand in
 * line behind one that does.
 */
export const orderWithinMs = 3_600_000;

/** What a command asks. */
interface Question {
  /** The command's name. */
  readonly name: string;
  readonly description: string;
  readonly path: string;
  /** Whether the answer is a list. */
  readonly list: boolean;
  /** The name under which the path gets the command's argument, should one be given. */
  readonly about?: string;
}

/**
 * Adds a command that asks the running castle for something and prints it.
 * @param toLines what people see; `--json` prints the answer as it came
 */
export function addQuestion<Told>(
  program: Command,
  { name, description, path, list, about }: Question,
  toLines: (answer: Told) => readonly string[],
): void {
  program
    .command(name)
    .description(description)
    .option('--socket <path>', "the castle's unix socket", defaultSocket)
    .option('--json', 'print the answer as JSON')
    .option(
      '--watch [SECONDS]',
      `look again every ${defaultWatchSeconds} or SECONDS seconds, until ^C (with --json: one document a line)`,
      watchSeconds,
    )
    .action(async (...given: unknown[]) => {
      // Commander gives the arguments first, then the options, then the command.
      const { socket, json, watch: every } = given.at(-2) as AskOptions;
      const value = about === undefined ? undefined : given[0];
      const query = typeof value === 'string' ? `?${about}=${encodeURIComponent(value)}` : '';
      const look = async () => {
        const { body: answer } = await askCastle(socket, 'GET', `${path}${query}`);
        if (list ? !Array.isArray(answer) : typeof answer !== 'object' || answer === null)
          throw new Failure('unavailable', `what answers at ${socket} is not a castle`, 'give --socket');
        const lines =
          json === true
            ? [printableJson(JSON.stringify(answer, undefined, every === undefined ? 2 : 0))]
            : toLines(answer as Told).map(printable);
        return { text: lines.map((line) => `${line}\n`).join(''), at: new Date().toISOString() };
      };
      if (every !== undefined) await watch(every, json === true, look);
      await print((await look()).text);
    });
}

/**
 * Asks the running castle.
 * @returns what it answered when it did what was asked
 * @throws Failure unavailable when there is no castle or no answer of it, noPermission, tryAgain when something is in the
 *   way now, config when the request is wrong
 */
export async function askCastle(
  socketPath: string,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  checkSocket(socketPath);
  const call = await connectTo({ kind: 'unix', socketPath }, () => ({}));
  const answer = await call(method, path, { longestBytes, ...options }).catch((thrown: unknown) => {
    throw unreachable(socketPath, thrown);
  });
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refusal(answer.status, answer.body);
}

/** @throws Failure config when no socket can have this path */
export function checkSocket(socketPath: string): void {
  const fault = socketPathFault(socketPath);
  if (fault !== undefined)
    throw new Failure('config', `--socket ${socketPath} ${fault}`, 'give a shorter one');
}

/** What connect(2) says when nobody has heard the question. */
const noCastle: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
  ENOTDIR: 'a part of its path is no folder',
  ENOTSOCK: 'it is not a socket',
  EPROTOTYPE: 'it is a socket of another kind',
  EAGAIN: 'it is too busy to take one more connection',
};

/** Why there is no answer from a castle. */
export function unreachable(socketPath: string, thrown: unknown): Failure {
  const code = errorCode(thrown);
  if (code === 'EACCES') return new Failure('noPermission', `${socketPath} may not be opened`, 'ask as root');
  const why = noCastle[code ?? ''];
  if (why === undefined) {
    // It has the order: whoever hears of a failure must not believe that nothing is done.
    return new Failure(
      'unavailable',
      `what listens on ${socketPath} gave no answer: ${errorMessage(thrown)}`,
      'what was ordered may be done all the same, now or later: look before you order it again',
    );
  }
  return new Failure(
    'unavailable',
    `no castle at ${socketPath}: ${why}`,
    'start it with castle serve, or give --socket',
  );
}

/** What a refusal means for the exit code, by its HTTP status; what is not in here is the castle's own trouble. */
const kinds: Readonly<Record<number, FailureKind>> = {
  400: 'usage',
  403: 'noPermission',
  404: 'usage',
  409: 'tryAgain',
};

/** What a castle's refusal means to a command. */
export function refusal(status: number, body: unknown): Failure {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  const sentence =
    typeof error === 'object' && error !== null && 'message' in error
      ? String(error.message)
      : `HTTP ${status}`;
  const remedy =
    typeof error === 'object' && error !== null && 'remedy' in error ? String(error.remedy) : undefined;
  return new Failure(kinds[status] ?? 'unavailable', sentence, remedy);
}
