import { readdirSync } from 'node:fs';
import { type ProcessStat, parseStat } from '../../linux/process-stat.ts';
import { Failure } from '../../terminal/failure.ts';
import { procfs, readProcFile, readProcLink } from './proc-file.ts';

/** All visible processes, by pid. */
export type ProcessTable = ReadonlyMap<number, ProcessStat>;

/**
 * Reads the process table. The kernel offers no snapshot: processes start and end meanwhile, and one that ends between the
 * listing and its own read is left out.
 * @throws Failure 69 when /proc shows no processes: an empty table would wrongly mean that there are no zombies
 */
export function readProcessTable(proc = procfs): ProcessTable {
  if (readProcLink(`${proc}/self`) === undefined)
    throw new Failure(
      'unavailable',
      `${proc} does not show the processes of this container: it is not mounted, or belongs to another container`,
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
 * Returns the hidepid mount option of /proc, which hides other users' processes from this table; undefined without one. It does
 * not apply to root. Nor do most values apply to members of the mount's group, gid=, which is 0 when it is not shown
 * (has_pid_permissions in fs/proc/base.c, Linux 5.8).
 */
export function hidepidOption(
  uid: number,
  mounts = readProcFile(`${procfs}/self/mounts`) ?? '',
  groups: readonly (number | undefined)[] = [process.getegid?.(), ...(process.getgroups?.() ?? [])],
): string | undefined {
  if (uid === 0) return undefined;
  const line = mounts.split('\n').findLast((mount) => mount.split(' ')[1] === procfs);
  const options = line?.split(' ')[3]?.split(',') ?? [];
  const option = options.find((word) => word.startsWith('hidepid='));
  if (option === 'hidepid=0' || option === 'hidepid=off') return undefined;
  if (option === 'hidepid=4' || option === 'hidepid=ptraceable') return option;
  const gid = options.find((word) => word.startsWith('gid='))?.slice('gid='.length) ?? '0';
  return groups.includes(Number(gid)) ? undefined : option;
}
