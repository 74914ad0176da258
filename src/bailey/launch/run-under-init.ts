import { dirname, join } from 'node:path';
import { native } from '../../linux/native-addon.ts';
import { findProgram } from './find-program.ts';
import { replaceProcess, throwIfSignalled } from './hand-over.ts';

/** How this process was started, so that bailey-init can start it again. */
export interface Invocation {
  /** Path of the Node executable. */
  readonly node: string;
  /** Node's own options. */
  readonly nodeArgs: readonly string[];
  /** The bundle, and after it the command with its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Variables and options that bailey-init erases from its memory (--forget), unless BAILEY_FORGET is set. */
  readonly secrets: readonly string[];
}

/**
 * Replaces this process by bailey-init, which starts `bailey` again as its child: PID 1 must reap orphans, and Node does
 * not. bailey-init is searched in the directory of the bundle, then in PATH. Between our signal handlers and those of
 * bailey-init, about a millisecond, the kernel discards signals, as it does for every PID 1 that has no handler
 * (pid_namespaces(7)); it also did so while Node started. `ENTRYPOINT ["bailey-init", "--", "bailey", …]` avoids both.
 * @param signal the result of {@link catchEndingSignals}
 * @returns only when there is no bailey-init
 * @throws the signal's reason when a signal has arrived
 */
export async function runUnderInit(
  { node, nodeArgs, script, args, env, secrets }: Invocation,
  signal: AbortSignal,
): Promise<void> {
  const beside = findProgram(join(dirname(script), 'bailey-init'), undefined);
  const found = 'fault' in beside ? findProgram('bailey-init', env['PATH']) : beside;
  if ('fault' in found) return;
  const forget = secrets.length === 0 || env['BAILEY_FORGET'] ? [] : ['--forget', secrets.join()];
  await throwIfSignalled(signal);
  replaceProcess(native(), {
    file: found.file,
    argv: ['bailey-init', ...forget, '--', node, ...nodeArgs, script, ...args],
  });
}
