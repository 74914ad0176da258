import { basename } from 'node:path';
import { readProcLink } from '../src/bailey/processes/proc-file.ts';
import type { ProcessStat } from '../src/linux/process-stat.ts';

/** The program that a process runs. Not the name in its stat file: threads change that, node's main thread too. */
export const programName = ({ pid, name }: Pick<ProcessStat, 'pid' | 'name'>): string =>
  basename(readProcLink(`/proc/${pid}/exe`) ?? name);
