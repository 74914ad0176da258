import { type Command, CommanderError } from 'commander';
import { Failure } from '../failure.ts';

/**
 * Parses a command line and runs its command; what is wrong with it becomes one Failure, printed by the frame, instead
 * of commander's own lines.
 * @throws Failure 64 for a wrong command line, and what the command throws
 */
export async function runCommandLine(program: Command, argv: readonly string[]): Promise<void> {
  for (const command of [program, ...program.commands]) {
    // The frame prints the one sentence that a wrong command line gets.
    command.exitOverride().configureOutput({ outputError: () => undefined, writeErr: () => undefined });
  }
  try {
    await program.parseAsync(argv);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw usageFailure(program, thrown, argv); // else --help or --version: printed
  }
}

function usageFailure(program: Command, { code, message }: CommanderError, argv: readonly string[]): Failure {
  // Without a command, and for the help of an unknown one, commander says nothing but its help.
  const helpOnly = argv[3] === undefined ? 'no command given' : `unknown command '${argv[3]}'`;
  const sentence =
    code === 'commander.help' ? helpOnly : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new Failure('usage', sentence, `try ${program.name()} --help`);
}
