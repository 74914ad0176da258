import { inFrame } from '../../terminal/run-program.ts';

/**
 * The commands that pass their arguments on, `--` and `--help` included, but for the few options of their own that come
 * first. Commander never sees them, and a container's start does not wait for it to load.
 */
const launches: Readonly<Record<string, (args: readonly string[]) => Promise<never>>> = {
  // Here and not above: neither waits for what the other one needs.
  jenkins: async (args) => (await import('./jenkins.ts')).jenkins(args),
  agent: async (args) => (await import('./agent.ts')).agent(args),
};

async function main([command, ...args]: readonly string[]): Promise<number | undefined> {
  const launch = command !== undefined && Object.hasOwn(launches, command) ? launches[command] : undefined;
  if (launch !== undefined) return launch(args);
  // Runs as long and as often as the container: it must not wait for commander either, unless for the help.
  if (command === 'health' && !args.includes('--help')) return (await import('./health.ts')).health(args);
  const { describeBailey } = await import('./program.ts');
  const { runCommandLine } = await import('../../terminal/command-line.ts');
  await runCommandLine(describeBailey(), process.argv);
  return undefined;
}

void inFrame('bailey', () => main(process.argv.slice(2)));
