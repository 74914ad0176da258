import { missingPasswdEntry } from '../container/passwd-entry.ts';
import { isJvmSizingEnabled } from '../jvm/bailey-jvm-variable.ts';
import { requireWorkDir } from './work-dir.ts';

/** The java of an agent, and its work directory. */
export interface AgentJvmRequest {
  /** Path of the java program. */
  readonly java: string;
  /** Absolute path of the work directory; undefined if the agent has none. */
  readonly workDir: string | undefined;
  /** Whether agent.jar may create the work directory: false with -failIfWorkDirIsMissing. */
  readonly mayCreateWorkDir: boolean;
}

/**
 * Checks the work directory and the user of an agent, and derives java options from the limits of its container.
 * @param logLine writes one line to standard error
 * @returns options for java, to be placed before the configured ones
 * @throws Failure 78 for a wrong BAILEY_JVM, 73 or 77 for an unusable work directory
 */
export async function prepareAgentJvm(
  { java, workDir, mayCreateWorkDir }: AgentJvmRequest,
  env: Readonly<NodeJS.ProcessEnv>,
  logLine: (line: string) => void,
): Promise<string[]> {
  const sizeJvm = isJvmSizingEnabled(env);
  if (workDir !== undefined) requireWorkDir(workDir, mayCreateWorkDir);
  const missingEntry = missingPasswdEntry(workDir ?? '/');
  if (missingEntry !== undefined) logLine(`warning: ${missingEntry}`);
  if (!sizeJvm) return [];
  const { jvmOptions } = await import('../jvm/jvm-options.ts');
  return jvmOptions({ role: 'agent', env, java, base: workDir, logLine });
}
