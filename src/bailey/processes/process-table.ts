import { readdirSync } from 'node:fs';
import { type ProcessStat, parseStat } from '../../linux/process-stat.ts';
import { Failure } from '../../terminal/failure.ts';
import { procfs, readProcFile, readProcLink } from './proc-file.ts';

/** All processes that are visible from here, by number. */
export type ProcessTable = ReadonlyMap<number, ProcessStat>;

/**
 * Reads the process table. It is no snapshot: the kernel offers none, processes come and go meanwhile, and those
 * that vanish between the listing and the reading are left out.
 * @throws Failure 69 where the kernel's processes cannot be seen: an empty table would be a false all-clear
 */
export function readProcessTable(proc = procfs): ProcessTable {
  if (readProcLink(`${proc}/self`) === undefined)
    throw new Failure(
      'unavailable',
      `${proc} does not show the processes of this container: it is not mounted, or belongs to another one`,
      `mount it: mount -t proc proc ${proc}`,
    );
  const table = new Map<number, ProcessStat>();
  for (const entry of readdirSync(proc)) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const stat = parseStat(readProcFile(`${proc}/${entry}/stat`) ?? '');
    if (stat !== undefined) table.set(stat.pid, stat);
  }
  return table;
}

/** Seconds since boot, on the clock that `startTicks` counts in (both follow the reader's time namespace). */
export function uptimeSeconds(proc = procfs): number {
  return Number((readProcFile(`${proc}/uptime`) ?? '').split(' ')[0]);
}

/**
 * The hidepid option that keeps other users' processes out of this table, as it stands in the mount options, or
 * undefined. It does not bind root; members of the mount's group (gid=) are not recognised here.
 */
export function hidepidOption(
  uid: number,
  mounts = readProcFile(`${procfs}/self/mounts`) ?? '',
): string | undefined {
  if (uid === 0) return undefined;
  const line = mounts.split('\n').findLast((mount) => mount.split(' ')[1] === procfs);
  const option = line
    ?.split(' ')[3]
    ?.split(',')
    .find((word) => word.startsWith('hidepid='));
  return option === 'hidepid=0' || option === 'hidepid=off' ? undefined : option;
}
