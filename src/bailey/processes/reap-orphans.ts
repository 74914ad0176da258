import type { EndedChild, Native } from '../../linux/native-addon.ts';
import { type ProcessTable, readProcessTable } from './process-table.ts';

/**
 * Reaps exited orphans that this process adopted as PID 1 or as a subreaper. Children that Node started are left to libuv,
 * which waits for each of them by pid (uv__wait_children); if they were reaped here, their `exit` event would never come.
 * @param isNodeChild whether Node has started this child and its `exit` event has not come yet
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
  // waitid returns the same libuv child again until libuv reaps it, and hides the others: use the process table.
  for (const { pid, ppid, state } of readTable().values()) {
    if (ppid !== process.pid || state !== 'Z' || isNodeChild(pid)) continue;
    const ended = native.reap(pid);
    if (ended !== undefined) reaped.push(ended);
  }
  return reaped;
}
