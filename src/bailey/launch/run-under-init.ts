import { dirname, join } from 'node:path';
import { native } from '../../linux/native-addon.ts';
import { findProgram } from './find-program.ts';
import { replaceProcess, throwIfSignalled } from './hand-over.ts';

/** How this process was started, to be started again below an init. */
export interface Invocation {
  /** Node's file. */
  readonly node: string;
  /** Node's own options. */
  readonly nodeArgs: readonly string[];
  /** The bundle, and after it the command with its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Variables and options whose values only we need: bailey-init's --forget, unless BAILEY_FORGET says another. */
  readonly secrets: readonly string[];
}

/**
 * Puts bailey-init in our place, with `bailey` as its child: Node must not be PID 1, because PID 1 has to reap.
 * bailey-init lies beside the bundle, or in PATH. For the millisecond between our handlers and its own the kernel drops
 * signals, as it does for every PID 1 that has not caught them (pid_namespaces(7)); and so it did while Node started,
 * which is why `ENTRYPOINT ["bailey-init", "--", "bailey", …]` is the better way.
 * @param signal what {@link catchEndingSignals} returned
 * @returns only when there is no bailey-init
 * @throws the signal's reason when a signal has come
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
