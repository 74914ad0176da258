import { readLimits } from '../container/limits.ts';
import { diagnosticsFolder, keepWhatFits } from './diagnostics.ts';
import { readGivenOptions } from './given-options.ts';
import { planJvm } from './plan.ts';
import { readJavaRuntime } from './runtime.ts';
import type { Role } from './split-memory.ts';

/** A java that is about to be started. */
export interface JvmLaunch {
  readonly role: Role;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program's file. */
  readonly java: string;
  /** The folder that outlives the container: JENKINS_HOME, an agent's work directory. */
  readonly base: string | undefined;
  /** Prints one line for people. */
  readonly logLine: (line: string) => void;
}

/**
 * The options that fit a java to its container, to stand before those that it was given. Says how the memory is divided,
 * and makes the folder for heap dumps and error files; where that cannot be, there are none, and java starts all the same.
 * Nothing happens where there is no limit.
 */
export function jvmOptions({ role, env, java, base, logLine }: JvmLaunch): string[] {
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
  if (plan.summary !== undefined) logLine(plan.summary);
  for (const warning of plan.warnings) logLine(`warning: ${warning}`);
  return keepWhatFits(plan, folder, logLine).map(({ option }) => option);
}
