import { missingPasswdEntry } from '../container/passwd-entry.ts';
import { isJvmSizingEnabled } from '../jvm/bailey-jvm-variable.ts';
import { requireWorkDir } from './work-dir.ts';

/** An agent's java, and where it will work. */
export interface AgentJvmRequest {
  /** The program's file. */
  readonly java: string;
  /** Absolute; none when the agent was given none. */
  readonly workDir: string | undefined;
  /** Whether agent.jar may make the work directory: not with -failIfWorkDirIsMissing. */
  readonly mayCreateWorkDir: boolean;
}

/**
 * Looks at the container that an agent will run in: its work directory, its user, its limits.
 * @param logLine writes one line to standard error
 * @returns options for java, to stand before those that were given
 * @throws Failure 78 for a wrong BAILEY_JVM, 73 or 77 for a work directory that cannot be worked in
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
