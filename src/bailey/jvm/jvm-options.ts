import { readLimits } from '../container/limits.ts';
import { readConfiguredOptions } from './configured-options.ts';
import { diagnosticsFolder, prepareDiagnostics } from './diagnostics-folder.ts';
import { readJavaRuntime } from './java-runtime.ts';
import { planJvm } from './plan-jvm.ts';
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
    configured: readConfiguredOptions(env, role),
    runtime: readJavaRuntime(java),
    folder,
  });
  if (plan.summary !== undefined) logLine(plan.summary);
  for (const warning of plan.warnings) logLine(`warning: ${warning}`);
  return prepareDiagnostics(plan, folder, logLine).map(({ option }) => option);
}
