import { basename } from 'node:path';
import { readProcLink } from '../src/bailey/processes/proc-file.ts';
import type { ProcessStat } from '../src/linux/process-stat.ts';

/**
 * The program that a process runs. The name in its stat file is not reliable, because threads such as node's main thread
 * change it.
 */
export const programName = ({ pid, name }: Pick<ProcessStat, 'pid' | 'name'>): string =>
  basename(readProcLink(`/proc/${pid}/exe`) ?? name);
