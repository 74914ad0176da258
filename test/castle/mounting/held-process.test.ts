/** A held process: what opening its mount namespace reports when the process has ended. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  createHoldProcess,
  type HeldProcess,
  ProcessEndedError,
} from '../../../src/castle/mounting/held-process.ts';
import { native } from '../../../src/linux/native-addon.ts';
import { identify } from '../../../src/linux/proc.ts';
import { parseStat } from '../../../src/linux/process-stat.ts';
import { childrenOf, Running } from '../../kit/namespace.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';

/** Holds a process that must exist. */
function hold(pid: number): HeldProcess {
  const held = createHoldProcess(native())(identify(pid));
  if (held === undefined) throw new Error(`process ${pid} has ended`);
  return held;
}

/** What opening the namespace throws. */
function openingError(held: HeldProcess): unknown {
  try {
    held.open().close();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

/** The state of a process in /proc; undefined when the process no longer exists. */
function stateOf(pid: number): string | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.state;
  } catch {
    return undefined;
  }
}

if (requires(t, root)) {
  t.test(
    'the namespace of a process that has ended cannot be opened, whether it is a zombie or not',
    async (t) => {
      // The shell becomes a program that waits for no child.
      const parent = new Running(['sh', '-c', 'sleep 100 & echo ready; exec sleep 100'], { proc: false });
      t.teardown(() => parent.kill());
      t.equal(await parent.line(), 'ready');
      const pid = await parent.pid('sleep');
      const [child = 0] = childrenOf(pid);
      const held = hold(child);
      t.teardown(() => held.close());
      held.open().close();
      process.kill(child, 'SIGKILL');
      await until('the child is a zombie', () => stateOf(child) === 'Z' || undefined);
      t.type(openingError(held), ProcessEndedError);
      await parent.kill();
      await until('the child is gone', () => stateOf(child) === undefined || undefined);
      t.type(openingError(held), ProcessEndedError);
    },
  );
}
