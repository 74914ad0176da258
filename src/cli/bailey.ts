import { agent } from './agent.ts';
import { inFrame } from './frame.ts';
import { jenkins } from './jenkins.ts';

/**
 * The commands that pass all their arguments on untouched, `--` and `--help` included. They have no options of their
 * own, so commander never sees them, and a container's start does not wait for it to load.
 */
const launches: Readonly<Record<string, (args: readonly string[]) => Promise<never>>> = { jenkins, agent };

async function main([command, ...args]: readonly string[]): Promise<undefined> {
  const launch = command !== undefined && Object.hasOwn(launches, command) ? launches[command] : undefined;
  if (launch !== undefined) return launch(args);
  const { describeBailey } = await import('./bailey-program.ts');
  const { runCommandLine } = await import('./command-line.ts');
  await runCommandLine(describeBailey(), process.argv);
}

void inFrame('bailey', () => main(process.argv.slice(2)));
