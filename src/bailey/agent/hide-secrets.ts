import { closeSync, readFileSync } from 'node:fs';
import type { Native } from '../../linux/native-addon.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import { describeArgument, type ParsedArgument, positionalArguments } from './remoting/parse-arguments.ts';
import type { RawArgument } from './remoting/read-arguments.ts';
import { isInbound } from './remoting/validate-arguments.ts';

/** agent.jar's command line without what must not be seen in it. */
export interface ArgumentsWithoutSecrets {
  /** Its arguments. */
  readonly args: readonly string[];
  /** The file in memory that has the rest: it must become java's standard input. Undefined: there is nothing to hide. */
  readonly stdin?: number;
  /** The variables that would show it. */
  readonly withoutVariables: readonly string[];
}

/**
 * Takes the secret, and the passwords of -credentials, -proxyCredentials and -webSocketHeader, out of agent.jar's
 * command line: each user of the machine can read that, and each build inherits the environment. They go to a file in
 * memory, and the command line has `@/proc/self/fd/0` in the secret's place: agent.jar's parser puts the lines of the
 * file there. What was in a file of the user's already (`-secret @FILE`) stays there.
 *
 * Why the standard input, and a file:
 * - It must be there a second time. After a reconnect the controller makes the agent execv itself with the same
 *   arguments, and marks all descriptors but 0, 1 and 2 close-on-exec first (jenkins.slaves.restarter). A pipe would be
 *   empty then, any higher descriptor gone, and the agent with it.
 * - No build gets it: java gives its children pipes for 0, 1 and 2, and closes all others. A child that is told to
 *   inherit the standard input all the same finds it at its end.
 * - agent.jar needs no standard input when it is the one to connect, and only then is there something to hide.
 * - It has no name in any folder, and is gone with java, even with `kill -9`.
 * What remains: processes of the same user may look into /proc/PID/fd of java, as they may into its memory where Yama
 * does not keep them out (kernel.yama.ptrace_scope).
 * @throws Failure 64 for a secret of several lines
 */
export function hideSecrets(
  native: Native,
  args: readonly RawArgument[],
  items: readonly ParsedArgument[],
  logLine: (line: string) => void,
): ArgumentsWithoutSecrets {
  const { lines, replacements, withoutVariables } = planHiding(items);
  const stdin = lines.length > 0 && isInbound(items) ? createMemoryFile(native, lines, logLine) : undefined;
  if (stdin === undefined) return { args: args.map(({ text }) => text), withoutVariables };
  return {
    args: args.flatMap((argument) => replacements.get(argument) ?? [argument.text]),
    stdin,
    withoutVariables,
  };
}

const reference = '@/proc/self/fd/0';

interface Plan {
  /** What is hidden, each line an argument. The first is the secret, if it is among them. */
  readonly lines: readonly string[];
  /** What stands on the command line in the place of an argument. */
  readonly replacements: ReadonlyMap<RawArgument, readonly string[]>;
  readonly withoutVariables: readonly string[];
}

function planHiding(items: readonly ParsedArgument[]): Plan {
  const hidden = items.filter(
    (item) => isOnCommandLine(item) && (item.option?.isSecret || item === positionalArguments(items)[0]),
  );
  const secret = hidden.findLast(isSecret); // of several agent.jar takes the last
  const others = hidden.filter((item) => !isSecret(item));
  const replacements = new Map<RawArgument, readonly string[]>();
  for (const item of hidden) {
    const writeFile = item === (secret ?? hidden[0]) ? [reference] : [];
    const option = item === secret && item.name !== undefined ? [item.name] : [];
    if (item.valueWord === item.word) replacements.set(item.word.argument, [...option, ...writeFile]);
    else {
      replacements.set(item.word.argument, option);
      if (item.valueWord !== undefined) replacements.set(item.valueWord.argument, writeFile);
    }
  }
  return {
    lines: [
      ...(secret === undefined ? [] : [line(secret)]),
      ...others.flatMap((item) => [item.name ?? '', line(item)]),
    ],
    replacements,
    withoutVariables: [
      ...new Set(['JENKINS_SECRET', ...hidden.map(({ word }) => word.argument.from)]),
    ].filter(Boolean),
  };
}

const isSecret = ({ name }: ParsedArgument): boolean => name === undefined || name === '-secret';

/** Whether it stands on the command line, and not in a file of the user's. */
const isOnCommandLine = ({ word, valueWord, value }: ParsedArgument): boolean =>
  word.argument.lines === undefined && valueWord?.argument.lines === undefined && value !== undefined;

/** The end of a line may have come along from a file into a variable; agent.jar would take it for a part of the secret. */
function line(item: ParsedArgument): string {
  const text = (item.value ?? '').replace(/[\r\n]+$/, '');
  if (/[\r\n]/.test(text))
    throw new Failure('usage', `${describeArgument(item)} has several lines`, 'leave only one');
  return text;
}

/** Undefined, and a line that says so, where agent.jar could not read it: an agent that works goes before. */
function createMemoryFile(
  native: Native,
  lines: readonly string[],
  logLine: (line: string) => void,
): number | undefined {
  const content = Buffer.from(lines.map((text) => `${text}\n`).join(''));
  let why = 'it reads otherwise';
  try {
    const fd = native.memoryFile(content);
    try {
      if (readFileSync(`/proc/self/fd/${fd}`).equals(content)) return fd;
    } catch (thrown) {
      why = errorCode(thrown) ?? errorMessage(thrown);
    }
    closeSync(fd);
  } catch (thrown) {
    why = errorCode(thrown) ?? errorMessage(thrown);
  }
  logLine(`warning: the secret stays on java's command line: a memory file cannot be created here (${why})`);
  return undefined;
}
