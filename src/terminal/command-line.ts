import { type Command, CommanderError } from 'commander';
import { Failure } from './failure.ts';
import { print } from './print.ts';
import { usageHint } from './usage-hint.ts';

/**
 * Parses a command line and runs its command. A wrong command line becomes one Failure, instead of the several lines that
 * commander prints.
 * @throws Failure 64 for a wrong command line, and whatever the command throws
 */
export async function runCommandLine(program: Command, argv: readonly string[]): Promise<void> {
  let current = program;
  let help = '';
  for (const command of allCommands(program)) {
    command
      .exitOverride((exit) => {
        current = command;
        throw exit;
      })
      .configureOutput({
        writeOut: (text) => {
          help += text;
        },
        // Suppressed: the Failure below is printed instead.
        outputError: () => undefined,
        writeErr: () => undefined,
      });
  }
  try {
    await program.parseAsync(argv);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw usageFailure(current, thrown, argv);
    await print(help); // or the version
  }
}

/** @param command the program, or the command that found the error */
function usageFailure(command: Command, { code, message }: CommanderError, argv: readonly string[]): Failure {
  // Without a command, and for `help UNKNOWN`, commander has no message but its help.
  const helpOnly = argv[3] === undefined ? 'no command given' : `unknown command '${argv[3]}'`;
  const sentence =
    code === 'commander.help'
      ? helpOnly
      : message
          .replace(/^error: /, '')
          .replaceAll('\n', ' ')
          .replace(/\.$/, '');
  return new Failure('usage', sentence, usageHint(`${fullName(command)} --help`));
}

const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

/** Returns a program or command, and all commands below it. */
export function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
