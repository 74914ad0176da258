import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { accessFailure, requireFolderAccess } from '../container/access.ts';
import { readLimits } from '../container/limits.ts';
import { readGivenOptions } from './given.ts';
import { heapDumpName, type JvmPlan, planJvm } from './plan.ts';
import { readJavaRuntime } from './runtime.ts';
import type { Role } from './split.ts';

/** A java that is about to be started. */
export interface JvmLaunch {
  readonly role: Role;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program's file. */
  readonly java: string;
  /** The folder that outlives the container: JENKINS_HOME, an agent's work directory. */
  readonly base: string | undefined;
  /** Prints one line for people. */
  readonly say: (line: string) => void;
}

/**
 * The options that fit a java to its container, to stand before those that it was given. Says how the memory is divided,
 * and makes the folder for heap dumps and error files; where that cannot be, there are none, and java starts all the same.
 * Nothing happens where there is no limit.
 */
export function jvmOptions({ role, env, java, base, say }: JvmLaunch): string[] {
  const limits = readLimits();
  if (limits.memory === undefined && limits.cpuQuota === undefined) return [];
  const folder = diagnosticsFolder(base);
  const plan = planJvm({
    limits,
    role,
    given: readGivenOptions(env, role),
    runtime: readJavaRuntime(java),
    folder,
  });
  if (plan.summary !== undefined) say(plan.summary);
  for (const warning of plan.warnings) say(`warning: ${warning}`);
  return plan.options.filter(withFolder(plan, folder, say)).map(({ option }) => option);
}

/**
 * Below a folder that Jenkins itself has for logs.
 * @returns undefined where the JVM would read the path as something else: it puts a value for %
 */
export const diagnosticsFolder = (base: string | undefined): string | undefined =>
  base === undefined || base.includes('%') ? undefined : join(base, 'logs/java');

/** Makes the folder if an option needs it. @returns which options to keep */
function withFolder(
  { options }: JvmPlan,
  folder: string | undefined,
  say: (line: string) => void,
): (option: JvmPlan['options'][number]) => boolean {
  if (folder === undefined || !options.some(({ inFolder }) => inFolder)) return () => true;
  try {
    makeFolder(folder);
  } catch (thrown) {
    say(`warning: no heap dump and no error file: ${(thrown as Error).message}`);
    return ({ inFolder }) => inFolder !== true;
  }
  const dump = join(folder, heapDumpName);
  if (existsSync(dump) && options.some(({ option }) => option.endsWith(dump)))
    say(`${dump} is from an earlier start: java writes no other before it is moved away`);
  return () => true;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (thrown) {
    throw accessFailure('', folder, thrown, 'be made');
  }
  requireFolderAccess('', folder);
}
