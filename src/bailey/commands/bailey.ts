import { runProgram } from '../../terminal/run-main.ts';

/**
 * Commands that pass their arguments, `--` and most options included, to another program. They bypass commander, so that a
 * container's start does not wait for it to load.
 */
const launchCommands: Readonly<Record<string, (args: readonly string[]) => Promise<undefined>>> = {
  // Dynamic imports: each command loads only what it needs itself.
  jenkins: async (args) => (await import('./jenkins.ts')).jenkins(args),
  agent: async (args) => (await import('./agent.ts')).agent(args),
};

async function main([command, ...args]: readonly string[]): Promise<number | undefined> {
  const launch =
    command !== undefined && Object.hasOwn(launchCommands, command) ? launchCommands[command] : undefined;
  if (launch !== undefined) return launch(args);
  // An engine runs the health check every few seconds: commander is loaded only for its help.
  if (command === 'health' && !args.some((arg) => arg === '--help' || arg === '-h'))
    return (await import('./health.ts')).health(args);
  const { baileyProgram } = await import('./program.ts');
  const { runCommandLine } = await import('../../terminal/command-line.ts');
  await runCommandLine(baileyProgram(), process.argv);
  return undefined;
}

void runProgram('bailey', () => main(process.argv.slice(2)));
