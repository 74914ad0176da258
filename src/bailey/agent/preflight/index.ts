import { Failure } from '../../../terminal/failure.ts';
import { has, type Item, lastValue } from '../remoting/parse.ts';
import { readRemotingTime } from '../remoting/values.ts';
import { lookAtController, lookAtDirectPort } from './controller.ts';
import type { Target } from './target.ts';
import type { Verdict } from './verdict.ts';
import { type Patience, waitFor } from './wait.ts';

/**
 * Waits until the controller can be reached the way agent.jar will go. It says what is wrong meanwhile, which agent.jar
 * does by stack traces, and what to do. What cannot be judged from here passes: no agent that would work is held back.
 * @throws Failure 69 when the time is over, 75 when the controller was still starting; the signal's reason
 */
export async function awaitController(target: Target, patience: Patience): Promise<void> {
  if (target.kind === 'unknown') {
    if (target.why !== undefined) patience.logLine(`the controller is not looked for: ${target.why}`);
    return;
  }
  let waited = false;
  const note = await waitFor(async (withinMs) => {
    const verdict = await look(target, withinMs, patience.signal);
    if (verdict.kind === 'ready') return { text: verdict.note };
    waited = true;
    return verdict.failure;
  }, patience);
  if (note.text !== undefined) patience.logLine(note.text);
  else if (waited) patience.logLine('the controller is there');
}

async function look(
  target: Exclude<Target, { kind: 'unknown' }>,
  withinMs: number,
  signal: AbortSignal,
): Promise<Verdict> {
  if (target.kind === 'port') return lookAtDirectPort(target, withinMs, signal);
  const failures: Failure[] = [];
  for (const url of target.urls) {
    const verdict = await lookAtController(url, target, withinMs, signal);
    if (verdict.kind === 'ready') return verdict;
    failures.push(verdict.failure);
  }
  return { kind: 'not yet', failure: together(failures) };
}

/** One of several URLs would do: what is wrong with each is told, and the first one's remedy. */
function together(failures: readonly Failure[]): Failure {
  const starting = failures.find(({ kind }) => kind === 'tryAgain');
  const first = starting ?? failures[0];
  return new Failure(
    first?.kind ?? 'unavailable',
    failures.map(({ sentence }) => sentence).join(', and '),
    first?.remedy,
  );
}

/**
 * How long agent.jar itself would wait for the controller, in milliseconds: for ever, unless -noReconnect or
 * -noReconnectAfter say otherwise. This is what we do without --connect-timeout, too. A shorter time of our own choice
 * would end agents that find their controller today, after its maintenance of an hour; and who restarts containers that
 * end gains nothing from it.
 */
export function patienceOfAgentJar(items: readonly Item[]): number {
  if (has(items, '-noReconnect')) return 0;
  const time = lastValue(items, '-noReconnectAfter');
  return Math.max(0, (time === undefined ? undefined : readRemotingTime(time)) ?? Number.POSITIVE_INFINITY);
}
