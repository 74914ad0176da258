import { Command, CommanderError } from 'commander';
import { Failure } from '../failure.ts';
import { version } from '../version.ts';

/**
 * Parses the command line of `bailey` and runs the command.
 * @throws Failure 64 for a wrong command line, and what the command throws
 */
export async function parseCommandLine(argv: readonly string[]): Promise<void> {
  const program = describeProgram();
  try {
    await program.parseAsync(argv);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw usageFailure(thrown); // else --help or --version: printed
  }
}

function describeProgram(): Command {
  const program = new Command('bailey')
    .description('Prepares Jenkins controllers and agents in containers, and then gets out of their way.')
    .version(`bailey ${version}`, '--version', 'print the version')
    .helpOption('--help', 'print this')
    .enablePositionalOptions()
    .exitOverride()
    // The frame prints the one sentence that a wrong command line gets.
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .addHelpText('after', epilogue);
  describeLaunch(
    program,
    'jenkins',
    'prepare a Jenkins controller, then become java (arguments are those of the war)',
  );
  describeLaunch(program, 'agent', 'become the java of a Jenkins agent (arguments are those of agent.jar)');
  return program;
}

/** For the help only: bailey.ts runs these commands before commander is loaded. */
function describeLaunch(program: Command, name: string, summary: string): void {
  program
    .command(name)
    .summary(summary)
    .description(summary)
    .argument('[args...]', 'passed on untouched')
    .helpOption(false);
}

function usageFailure({ code, message }: CommanderError): Failure {
  const sentence =
    code === 'commander.help' ? 'no command given' : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new Failure('usage', sentence, 'try bailey --help');
}

const epilogue = `
Examples:
  ENTRYPOINT ["bailey-init", "--", "bailey", "jenkins"]
                                  a controller's image; everything is set by the environment
  bailey jenkins --httpPort=9090  --httpPort=9090 goes to Jenkins
  bailey jenkins bash             fill JENKINS_HOME, then run bash
  bailey agent -url http://jenkins:8080 -secret @/run/secret -name build-1

Exit codes before another program has taken over:
  64  wrong command line          69  the castle cannot be reached
  70  a fault of bailey's own     73  a file or folder cannot be made
  74  reading or writing failed   75  it took too long; try again
  77  no permission               78  a setting is wrong
  126 found, but not executable   127 program not found
  128+n  ended by signal n
Afterwards the exit codes are that program's.`;
