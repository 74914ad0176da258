import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../terminal/failure.ts';
import { accessFailure, requireFolderAccess, requireFreeSpace } from '../container/folder-access.ts';
import { formatBytes } from './java-size.ts';
import { heapDumpName, type JvmPlan, type PlannedOption } from './plan-jvm.ts';

/**
 * Returns the directory for heap dumps and error files, inside Jenkins' own directory for logs.
 * @param base JENKINS_HOME, or an agent's work directory
 * @returns undefined for a path with %, which the JVM would expand
 */
export const diagnosticsFolder = (base: string | undefined): string | undefined =>
  base === undefined || base.includes('%') ? undefined : join(base, 'logs/java');

/**
 * Creates the directory if an option needs it, since the JVM does not. If that fails, the options are dropped with a
 * warning: java must start anyway.
 * @param logLine writes one line to standard error
 * @returns the options to keep
 */
export function prepareDiagnostics(
  { options, heapBytes = 0 }: JvmPlan,
  folder: string | undefined,
  logLine: (line: string) => void,
): readonly PlannedOption[] {
  if (folder === undefined || !options.some(({ writes }) => writes)) return options;
  try {
    createFolder(folder);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    logLine(`warning: no heap dump and no error file: ${thrown.message}`);
    return options.filter(({ writes }) => writes === undefined);
  }
  if (!options.some(({ writes }) => writes === 'heap dump')) return options;
  const dump = join(folder, heapDumpName);
  const free = freeBytes(folder);
  if (existsSync(dump))
    logLine(`${dump} is from an earlier start: java writes no new heap dump until that file is moved away`);
  else if (free !== undefined && free < heapBytes * minFreeFactor) {
    logLine(
      `warning: no heap dump: ${folder} has ${formatBytes(free)} of free space, and a dump may have ${formatBytes(heapBytes)}`,
    );
    return options.filter(({ writes }) => writes !== 'heap dump');
  }
  return options;
}

/** A heap dump must not fill JENKINS_HOME: the next start would fail. */
const minFreeFactor = 2;

/** Free bytes; undefined where the file system does not report them. */
function freeBytes(folder: string): number | undefined {
  const { blocks, bavail, bsize } = statfsSync(folder);
  return blocks === 0 ? undefined : bavail * bsize;
}

function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (thrown) {
    throw accessFailure('', folder, thrown, 'be created');
  }
  requireFolderAccess('', folder);
  requireFreeSpace('', folder);
}
