import { readLimits } from '../container/limits.ts';
import { readConfiguredOptions } from './configured-options.ts';
import { diagnosticsFolder, prepareDiagnostics } from './diagnostics-folder.ts';
import { readJavaRuntime } from './java-runtime.ts';
import { planJvm } from './plan-jvm.ts';
import type { Role } from './split-memory.ts';

/** A java that will be started. */
export interface JvmLaunch {
  readonly role: Role;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program's file. */
  readonly java: string;
  /** The directory that survives the container: JENKINS_HOME, or the work directory of an agent. */
  readonly base: string | undefined;
  /** Writes one line to standard error. */
  readonly logLine: (line: string) => void;
}

/**
 * Returns the java options derived from the limits of the container, to be placed before the configured ones. Logs how the
 * memory is divided, and creates the directory for heap dumps and error files; if that fails, java gets no such options.
 * Without a limit the result is empty.
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
