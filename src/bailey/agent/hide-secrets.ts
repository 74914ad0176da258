import { closeSync, readFileSync } from 'node:fs';
import type { Native } from '../../linux/native-addon.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import { describeArgument, type ParsedArgument, positionalArguments } from './remoting/parse-arguments.ts';
import type { RawArgument } from './remoting/read-arguments.ts';
import { isInbound } from './remoting/validate-arguments.ts';

/** The command line of agent.jar without secrets. */
export interface ArgumentsWithoutSecrets {
  /** The arguments of agent.jar. */
  readonly args: readonly string[];
  /** Descriptor of a memory file with the secrets, to become java's standard input; undefined: nothing to hide. */
  readonly stdin?: number;
  /** The variables that contain secrets. */
  readonly withoutVariables: readonly string[];
}

/**
 * Removes the secret, and the passwords of -credentials, -proxyCredentials and -webSocketHeader, from the command line of
 * agent.jar, which every user of the machine can read, and from the environment, which every build inherits. They are
 * written to a memory file, and `@/proc/self/fd/0` takes their place on the command line: agent.jar's parser replaces it
 * by the lines of the file. Values that are already in a file of the user (`-secret @FILE`) stay there.
 *
 * Why a file, and why standard input:
 * - It must be readable again. After a reconnect the controller makes the agent execv itself with the same arguments, and
 *   first marks all descriptors except 0, 1 and 2 close-on-exec (jenkins.slaves.restarter). A pipe would be empty by
 *   then, and a descriptor above 2 would be closed.
 * - Builds do not get it: java gives its children pipes for 0, 1 and 2 and closes all other descriptors. A child that
 *   inherits standard input finds the file offset at the end.
 * - An agent has a secret only when it connects to the controller, and then agent.jar does not use standard input.
 * - The file has no name in any directory and vanishes with java, even after `kill -9`.
 * Remaining exposure: processes of the same user can read /proc/PID/fd of java, as they can read its memory unless Yama
 * (kernel.yama.ptrace_scope) prevents it.
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
  /** The secrets, one argument per line. The secret of the agent, if any, comes first. */
  readonly lines: readonly string[];
  /** The argument that takes the place of the secrets on the command line. */
  readonly replacements: ReadonlyMap<RawArgument, readonly string[]>;
  readonly withoutVariables: readonly string[];
}

function planHiding(items: readonly ParsedArgument[]): Plan {
  const hidden = items.filter(
    (item) => isOnCommandLine(item) && (item.option?.isSecret || item === positionalArguments(items)[0]),
  );
  const secret = hidden.findLast(isSecret); // agent.jar uses the last of several
  const others = hidden.filter((item) => !isSecret(item));
  const replacements = new Map<RawArgument, readonly string[]>();
  for (const item of hidden) {
    const replacement = item === (secret ?? hidden[0]) ? [reference] : [];
    const option = item === secret && item.name !== undefined ? [item.name] : [];
    if (item.valueWord === item.word) replacements.set(item.word.argument, [...option, ...replacement]);
    else {
      replacements.set(item.word.argument, option);
      if (item.valueWord !== undefined) replacements.set(item.valueWord.argument, replacement);
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

/** Whether the value is on the command line itself, not in a file of the user. */
const isOnCommandLine = ({ word, valueWord, value }: ParsedArgument): boolean =>
  word.argument.lines === undefined && valueWord?.argument.lines === undefined && value !== undefined;

/** Removes a trailing line end. A variable that was filled from a file may have one, and agent.jar does not remove it. */
function line(item: ParsedArgument): string {
  const text = (item.value ?? '').replace(/[\r\n]+$/, '');
  if (/[\r\n]/.test(text))
    throw new Failure('usage', `${describeArgument(item)} has several lines`, 'leave only one');
  return text;
}

/** @returns undefined, after a warning, if agent.jar could not read the file: the agent must start anyway */
function createMemoryFile(
  native: Native,
  lines: readonly string[],
  logLine: (line: string) => void,
): number | undefined {
  const content = Buffer.from(lines.map((text) => `${text}\n`).join(''));
  let reason = 'its content differs';
  try {
    const fd = native.memoryFile(content);
    try {
      if (readFileSync(`/proc/self/fd/${fd}`).equals(content)) return fd;
    } catch (thrown) {
      reason = errorCode(thrown) ?? errorMessage(thrown);
    }
    closeSync(fd);
  } catch (thrown) {
    reason = errorCode(thrown) ?? errorMessage(thrown);
  }
  logLine(
    `warning: the secret stays on java's command line: a memory file cannot be created here (${reason})`,
  );
  return undefined;
}
