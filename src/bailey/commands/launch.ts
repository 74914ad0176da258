import { fileURLToPath } from 'node:url';
import { catchEndingSignals } from '../../terminal/ending-signals.ts';
import { logLine } from '../../terminal/run-main.ts';
import { runUnderInit } from '../launch/run-under-init.ts';

/** The input of a launch command. */
export interface LaunchRequest {
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Writes one line to standard error. */
  readonly logLine: (line: string) => void;
  /** Aborted by the first ending signal (SIGTERM, SIGINT, …) to this process. */
  readonly signal: AbortSignal;
}

/**
 * Runs a command that prepares a program and then becomes it. It catches ending signals first. As PID 1 it then replaces
 * itself with bailey-init, which starts this command again as its child.
 * @param command its name, to be started again
 * @param secrets variables and options that bailey-init erases from its own memory in that case
 */
export async function runLaunch(
  command: string,
  args: readonly string[],
  launch: (request: LaunchRequest) => Promise<never>,
  secrets: readonly string[] = [],
): Promise<never> {
  const signal = catchEndingSignals();
  const { env, pid, execPath, execArgv } = process;
  const log = (line: string): void => logLine('bailey', line);
  if (pid === 1) {
    await runUnderInit(
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
    log(
      'warning: running as PID 1 without bailey-init: orphaned processes will not be reaped. Copy dist/bailey-init into the directory of bailey.js',
    );
  }
  restoreNodeOptions(env);
  return launch({ args, env, logLine: log, signal });
}

/** native/entry/main.c hides NODE_OPTIONS from our own Node; the program that we become gets it back. */
function restoreNodeOptions(env: NodeJS.ProcessEnv): void {
  const held = env['BAILEY_HELD_NODE_OPTIONS'];
  if (held === undefined) return;
  env['NODE_OPTIONS'] = held;
  delete env['BAILEY_HELD_NODE_OPTIONS'];
}
