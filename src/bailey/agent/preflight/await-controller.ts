import { Failure } from '../../../terminal/failure.ts';
import { readRemotingTime } from '../remoting/option-values.ts';
import { hasOption, lastValue, type ParsedArgument } from '../remoting/parse-arguments.ts';
import { checkController, checkDirectPort } from './check-controller.ts';
import type { ControllerTarget } from './controller-target.ts';
import type { PreflightResult } from './preflight-result.ts';
import { retryUntilReady, type WaitOptions } from './retry-until-ready.ts';

/**
 * Waits until the controller can be reached in the way that agent.jar will use. Meanwhile it logs the problem and the
 * remedy, where agent.jar would print stack traces. A condition that cannot be checked here counts as fulfilled, so that no
 * working agent is delayed.
 * @throws Failure 69 at the deadline, 75 when the controller is still starting then; the signal's reason
 */
export async function awaitController(target: ControllerTarget, wait: WaitOptions): Promise<void> {
  if (target.kind === 'unknown') {
    if (target.reason !== undefined) wait.logLine(`the controller is not checked: ${target.reason}`);
    return;
  }
  let waited = false;
  const note = await retryUntilReady(async (withinMs) => {
    const result = await check(target, withinMs, wait.signal);
    if (result.kind === 'ready') return { text: result.note };
    waited = true;
    return result.failure;
  }, wait);
  if (note.text !== undefined) wait.logLine(note.text);
  else if (waited) wait.logLine('the controller is ready');
}

async function check(
  target: Exclude<ControllerTarget, { kind: 'unknown' }>,
  withinMs: number,
  signal: AbortSignal,
): Promise<PreflightResult> {
  if (target.kind === 'port') return checkDirectPort(target, withinMs, signal);
  const failures: Failure[] = [];
  for (const url of target.urls) {
    const result = await checkController(url, target, withinMs, signal);
    if (result.kind === 'ready') return result;
    failures.push(result.failure);
  }
  return { kind: 'not ready', failure: combineFailures(failures) };
}

/** Combines the problems of several URLs into one message with one remedy, since one reachable URL would be enough. */
function combineFailures(failures: readonly Failure[]): Failure {
  const starting = failures.find(({ kind }) => kind === 'tryAgain');
  const first = starting ?? failures[0];
  return new Failure(
    first?.kind ?? 'unavailable',
    failures.map(({ sentence }) => sentence).join(', and '),
    first?.remedy,
  );
}

/**
 * How long agent.jar itself would wait for the controller, in milliseconds: forever, unless -noReconnect or
 * -noReconnectAfter is given. It is the default of --connect-timeout: a shorter one would end agents that survive an
 * hour of maintenance of their controller with plain agent.jar.
 */
export function agentJarTimeoutMs(items: readonly ParsedArgument[]): number {
  if (hasOption(items, '-noReconnect')) return 0;
  const time = lastValue(items, '-noReconnectAfter');
  return Math.max(0, (time === undefined ? undefined : readRemotingTime(time)) ?? Number.POSITIVE_INFINITY);
}
