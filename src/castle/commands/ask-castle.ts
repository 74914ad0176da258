import type { Command } from 'commander';
import { socketPathFault } from '../../protocol/castle-url.ts';
import { type Answer, type CallOptions, connectTo } from '../../protocol/http.ts';
import { hasColors } from '../../terminal/colors.ts';
import { inColumns } from '../../terminal/columns.ts';
import { errorCode, errorMessage, Failure, type FailureKind } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable, printableJson } from '../../terminal/printable.ts';
import { defaultWatchSeconds, watch, watchSeconds } from '../../terminal/watch.ts';
import { socketOption } from './socket-option.ts';
import { colorOfState } from './state-color.ts';

interface QueryOptions {
  readonly socket: string;
  readonly json?: boolean;
  /** The interval between two updates, in seconds; true when the option has no number. */
  readonly watch?: number | true;
}

/** The longest response that is read, in bytes: more than a list of a million volumes or snapshots. */
const longestBytes = 256 * 1024 * 1024;

/**
 * How long a request that changes something may take, in milliseconds: it may allocate or copy all of a volume, or wait
 * for another one that does.
 */
export const changeWithinMs = 3_600_000;

/** A command that prints what the castle reports. */
interface Query {
  /** The command's name. */
  readonly name: string;
  readonly description: string;
  readonly path: string;
  /** Whether the response is a list. */
  readonly list: boolean;
  /** The query parameter that gets the command's argument, when one is given. */
  readonly about?: string;
}

/** The readable output of a query. */
export interface View {
  /** The rows of a table; the first one has the titles. */
  readonly table?: readonly (readonly string[])[];
  /** Lines below the table. */
  readonly lines?: readonly string[];
}

/** When a view is made, in milliseconds since 1970: for ages. */
export type ToView<Response> = (response: Response, nowMs: number) => View;

/**
 * Adds a command that requests something from the running castle and prints it.
 * @param toView converts the response to readable output; `--json` prints the response unchanged
 */
export function addQuery<Response>(
  program: Command,
  { name, description, path, list, about }: Query,
  toView: ToView<Response>,
): void {
  program
    .command(name)
    .description(description)
    .addOption(socketOption())
    .option('--json', 'print the response as JSON')
    .option(
      '--watch [SECONDS]',
      `update every ${defaultWatchSeconds} or SECONDS seconds, until ^C (with --json: one document per line)`,
      watchSeconds,
    )
    .action(async (...given: unknown[]) => {
      // Commander gives the arguments first, then the options, then the command.
      const { socket, json, watch: every } = given.at(-2) as QueryOptions;
      const value = about === undefined ? undefined : given[0];
      const query = typeof value === 'string' ? `?${about}=${encodeURIComponent(value)}` : '';
      const look = async () => {
        const { body } = await askCastle(socket, 'GET', `${path}${query}`);
        if (list ? !Array.isArray(body) : typeof body !== 'object' || body === null) throw notCastle(socket);
        const lines =
          json === true
            ? [printableJson(JSON.stringify(body, undefined, every === undefined ? 2 : 0))]
            : toLines(toView(body as Response, Date.now()));
        return { text: lines.map((line) => `${line}\n`).join(''), at: new Date().toISOString() };
      };
      if (every !== undefined) await watch(every, json === true, process.env, look);
      await print((await look()).text);
    });
}

function toLines({ table = [], lines = [] }: View): readonly string[] {
  const isColored = hasColors(process.stdout, process.env);
  const colored = isColored ? (title: string, cell: string) => colorOfState(title, cell) : undefined;
  return [...(table.length === 0 ? [] : inColumns(table, colored)), ...lines.map(printable)];
}

/** @param socket the path of the socket */
export const notCastle = (socket: string): Failure =>
  new Failure('unavailable', `the program that listens on ${socket} is not a castle`, 'correct --socket');

/**
 * Sends a request to the running castle.
 * @returns the response, with a status from 200 to 299
 * @throws Failure unavailable when no castle answers, noPermission, tryAgain when the request may succeed later, usage when
 *   the request is wrong
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
  throw refusalFailure(answer.status, answer.body);
}

/** @throws Failure config when a socket cannot have this path */
export function checkSocket(socketPath: string): void {
  const fault = socketPathFault(socketPath);
  if (fault !== undefined)
    throw new Failure('config', `--socket ${socketPath} ${fault}`, 'use a shorter path');
}

/** The errors of connect(2) that mean that the request was not sent. */
const connectErrors: Readonly<Record<string, string>> = {
  ENOENT: 'the socket does not exist',
  ECONNREFUSED: 'no program listens on it',
  ENOTDIR: 'a part of its path is not a folder',
  ENOTSOCK: 'it is not a socket',
  EPROTOTYPE: 'it is a socket of another kind',
  EAGAIN: 'it is too busy to take one more connection',
};

/** The failure of a request that got no response. */
export function unreachable(socketPath: string, thrown: unknown): Failure {
  const code = errorCode(thrown);
  if (code === 'EACCES')
    return new Failure('noPermission', `no permission to open ${socketPath}`, 'run this as root');
  const reason = connectErrors[code ?? ''];
  if (reason === undefined) {
    // The request was sent: it may be carried out although it has no response.
    return new Failure(
      'unavailable',
      `no response from ${socketPath}: ${errorMessage(thrown)}`,
      'the request may have been carried out: check before you repeat it',
    );
  }
  return new Failure(
    'unavailable',
    `cannot connect to the castle at ${socketPath}: ${reason}`,
    'start it with castle serve, or correct --socket',
  );
}

/** The kind of failure, and so the exit code, for an HTTP status; any other is an error of the castle: unavailable. */
const kinds: Readonly<Record<number, FailureKind>> = {
  400: 'usage',
  403: 'noPermission',
  404: 'usage',
  409: 'tryAgain',
};

/** Converts a castle's error response to a failure. */
export function refusalFailure(status: number, body: unknown): Failure {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  const sentence =
    typeof error === 'object' && error !== null && 'message' in error
      ? String(error.message)
      : `HTTP ${status}`;
  const remedy =
    typeof error === 'object' && error !== null && 'remedy' in error ? String(error.remedy) : undefined;
  return new Failure(kinds[status] ?? 'unavailable', sentence, remedy);
}
