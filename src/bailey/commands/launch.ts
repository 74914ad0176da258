import { fileURLToPath } from 'node:url';
import { say } from '../../terminal/run-program.ts';
import { catchEndingSignals } from '../../terminal/signals.ts';
import { becomeInit } from '../launch/under-init.ts';

/** What every launch gets from the command line. */
export interface LaunchRequest {
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs a command that prepares and then becomes another program. First of all the ending signals are caught; then, as
 * PID 1, we step behind bailey-init.
 * @param command its name, to be started again with
 * @param secrets variables and options that bailey-init in our place shall forget
 */
export async function runLaunch(
  command: string,
  args: readonly string[],
  launch: (request: LaunchRequest) => Promise<never>,
  secrets: readonly string[] = [],
): Promise<never> {
  const signal = catchEndingSignals();
  const { env, pid, execPath, execArgv } = process;
  const tell = (line: string): void => say('bailey', line);
  if (pid === 1) {
    await becomeInit(
      {
        node: execPath,
        nodeArgs: execArgv,
        script: fileURLToPath(import.meta.url),
        args: [command, ...args],
        env,
        secrets,
      },
      signal,
    );
    tell(
      'running as PID 1 without bailey-init: nobody will reap orphans; copy dist/bailey-init beside bailey.js',
    );
  }
  giveBackNodeOptions(env);
  return launch({ args, env, say: tell, signal });
}

/** native/entry/main.c keeps it from our own Node, also from the one that bailey-init starts again. */
function giveBackNodeOptions(env: NodeJS.ProcessEnv): void {
  const held = env['BAILEY_HELD_NODE_OPTIONS'];
  if (held === undefined) return;
  env['NODE_OPTIONS'] = held;
  delete env['BAILEY_HELD_NODE_OPTIONS'];
}
