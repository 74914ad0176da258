import type { ProcessStat } from '../../linux/process-stat.ts';
import type { ProcessTable } from './process-table.ts';

/** Returns the parent, its parent and so on, nearest first; ends where the next one is not visible. */
export function ancestors(table: ProcessTable, process: ProcessStat): readonly ProcessStat[] {
  const line: ProcessStat[] = [];
  let next = table.get(process.ppid);
  // Pids can be reused while the table is read, which could form a cycle.
  while (next !== undefined && !line.includes(next) && next !== process) {
    line.push(next);
    next = table.get(next.ppid);
  }
  return line;
}

/** Returns the processes that satisfy a condition, by the pid of their parent. */
export function byParent(
  table: ProcessTable,
  condition: (process: ProcessStat) => boolean,
): ReadonlyMap<number, readonly ProcessStat[]> {
  const groups = new Map<number, ProcessStat[]>();
  for (const process of table.values()) {
    if (!condition(process)) continue;
    const group = groups.get(process.ppid);
    if (group === undefined) groups.set(process.ppid, [process]);
    else group.push(process);
  }
  return groups;
}
