import { type Command, CommanderError } from 'commander';
import { Failure } from './failure.ts';
import { print } from './print.ts';

/**
 * Parses a command line and runs its command; what is wrong with it becomes one Failure, printed by the frame, instead
 * of commander's own lines.
 * @throws Failure 64 for a wrong command line, and what the command throws
 */
export async function runCommandLine(program: Command, argv: readonly string[]): Promise<void> {
  let asked = program;
  let help = '';
  for (const command of allCommands(program)) {
    command
      .exitOverride((exit) => {
        asked = command;
        throw exit;
      })
      .configureOutput({
        writeOut: (text) => {
          help += text;
        },
        // The frame prints the one sentence that a wrong command line gets.
        outputError: () => undefined,
        writeErr: () => undefined,
      });
  }
  try {
    await program.parseAsync(argv);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw usageFailure(asked, thrown, argv);
    await print(help); // or the version
  }
}

/** @param asked the program, or the command of it that found the fault */
function usageFailure(asked: Command, { code, message }: CommanderError, argv: readonly string[]): Failure {
  // Without a command, and for the help of an unknown one, commander says nothing but its help.
  const helpOnly = argv[3] === undefined ? 'no command given' : `unknown command '${argv[3]}'`;
  const sentence =
    code === 'commander.help' ? helpOnly : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new Failure('usage', sentence, `try ${fullName(asked)} --help`);
}

const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

/** A program or command, and all commands below it. */
export function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
