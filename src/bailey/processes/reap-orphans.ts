import type { EndedChild, Native } from '../../linux/native-addon.ts';
import { type ProcessTable, readProcessTable } from './process-table.ts';

/**
 * Reaps the children that have ended and are nobody's: orphans that came to us as process 1 or as a subreaper. Node's
 * own children are left to libuv, which waits for each of them by number (its uv__wait_children); taken away, their
 * `exit` would never come.
 * @param isOwn whether Node itself has started this child: it has a ChildProcess whose `exit` has not come yet
 * @returns what was reaped, in no particular order
 */
export function reapOrphans(
  native: Pick<Native, 'peekEnded' | 'reap'>,
  isNodeChild: (pid: number) => boolean,
  readTable: () => ProcessTable = readProcessTable,
): readonly EndedChild[] {
  const reaped: EndedChild[] = [];
  for (;;) {
    const first = native.peekEnded();
    if (first === undefined) return reaped;
    if (isNodeChild(first.pid)) break;
    const ended = native.reap(first.pid);
    if (ended !== undefined) reaped.push(ended);
  }
  // One of libuv's hides the others from the kernel's own answer until libuv has taken it: the table shows them all.
  for (const { pid, ppid, state } of readTable().values()) {
    if (ppid !== process.pid || state !== 'Z' || isNodeChild(pid)) continue;
    const ended = native.reap(pid);
    if (ended !== undefined) reaped.push(ended);
  }
  return reaped;
}
