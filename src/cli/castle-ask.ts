import type { Command } from 'commander';
import { defaultSocket } from '../castle/places.ts';
import { errorCode, errorMessage, Failure, type FailureKind } from '../failure.ts';
import { printable, printableJson } from '../printable.ts';
import { socketPathFault } from '../storage/castle-url.ts';
import { type CallOptions, connectTo } from '../storage/http.ts';
import { print } from './print.ts';

interface AskOptions {
  readonly socket: string;
  readonly json?: boolean;
}

/** What a command asks. */
interface Question {
  /** The command's name. */
  readonly name: string;
  readonly description: string;
  readonly path: string;
  /** Whether the answer is a list. */
  readonly list: boolean;
}

/**
 * Adds a command that asks the running castle for something and prints it.
 * @param toLines what people see; `--json` prints the answer as it came
 */
export function addQuestion<Answer>(
  program: Command,
  { name, description, path, list }: Question,
  toLines: (answer: Answer) => readonly string[],
): void {
  program
    .command(name)
    .description(description)
    .option('--socket <path>', "the castle's unix socket", defaultSocket)
    .option('--json', 'print the answer as JSON')
    .action(async ({ socket, json }: AskOptions) => {
      const answer = await ask(socket, 'GET', path);
      if (list ? !Array.isArray(answer) : typeof answer !== 'object' || answer === null)
        throw new Failure('unavailable', `what answers at ${socket} is not a castle`, 'give --socket');
      const lines =
        json === true
          ? [printableJson(JSON.stringify(answer, undefined, 2))]
          : toLines(answer as Answer).map(printable);
      await print(lines.map((line) => `${line}\n`).join(''));
    });
}

/**
 * Asks the running castle for something.
 * @throws Failure with what it refuses, unavailable when none answers, config, noPermission
 */
export async function ask(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  options: CallOptions = {},
): Promise<unknown> {
  const fault = socketPathFault(socketPath);
  if (fault !== undefined)
    throw new Failure('config', `--socket ${socketPath} ${fault}`, 'give a shorter one');
  const call = await connectTo({ kind: 'unix', socketPath }, () => ({}));
  const { status, body } = await call(method, path, options).catch((thrown: unknown) => {
    const code = errorCode(thrown);
    if (code === 'EACCES')
      throw new Failure('noPermission', `${socketPath} may not be opened`, 'ask as root');
    const why = { ENOENT: 'there is no such socket', ECONNREFUSED: 'nobody listens there' }[code ?? ''];
    throw new Failure(
      'unavailable',
      `no castle at ${socketPath}: ${why ?? errorMessage(thrown)}`,
      'start it with castle serve, or give --socket',
    );
  });
  if (status === 200) return body;
  throw refusal(status, body);
}

function refusal(status: number, body: unknown): Failure {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  const sentence =
    typeof error === 'object' && error !== null && 'sentence' in error
      ? String(error.sentence)
      : `HTTP ${status}`;
  const remedy =
    typeof error === 'object' && error !== null && 'remedy' in error ? String(error.remedy) : undefined;
  return new Failure(kinds[status] ?? 'unavailable', sentence, remedy);
}

/** What a refusal means for the exit code, by its HTTP status; what is not in here is the castle's own trouble. */
const kinds: Readonly<Record<number, FailureKind>> = {
  400: 'usage',
  403: 'noPermission',
  404: 'usage',
  409: 'tryAgain',
};
