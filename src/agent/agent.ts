import { join } from 'node:path';
import { requireFile } from '../container/access.ts';
import { namelessUser } from '../container/nameless.ts';
import { native } from '../container/native.ts';
import { readJvmSwitch } from '../jvm/switch.ts';
import { handOver, type Launch } from '../launch/hand-over.ts';
import { requireProgram } from '../launch/program.ts';
import { agentCommandLine } from './command-line.ts';
import { type AgentConfig, readAgentConfig } from './environment.ts';
import { findWorkDir, requireWorkDir } from './work-dir.ts';

/** What a launch gets from outside. */
export interface AgentLaunch {
  /** Arguments of `bailey agent`. */
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Prints one line for people. */
  readonly say: (line: string) => void;
  /** Aborted when somebody ends us while we prepare. */
  readonly signal: AbortSignal;
}

/**
 * Becomes the java of an agent; or, when there is exactly one argument and it is no option, that program.
 * @throws Failure with the exit code; the signal's reason
 */
export async function launchAgent({ args, env, say, signal }: AgentLaunch): Promise<never> {
  return handOver(native(), await prepare(args, env, say), signal);
}

async function prepare(
  args: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
  say: (line: string) => void,
): Promise<Launch> {
  const [only] = args;
  if (args.length === 1 && only !== undefined && !only.startsWith('-'))
    return { file: requireProgram(only, env['PATH']), argv: args };

  const config = readAgentConfig(env);
  const { javaArguments, warnings } = agentCommandLine(config, args);
  const java = javaName(config);
  const file = findAgentJava(config, env['PATH']);
  requireFile('JENKINS_AGENT_FILE', config.jar, 'put agent.jar there, or set JENKINS_AGENT_FILE');
  for (const warning of warnings) say(`warning: ${warning}`);
  const jvm = await fitToContainer(javaArguments, file, env, say);
  return { file, argv: [java, ...jvm, ...javaArguments] };
}

/**
 * Looks at the container that java will run in: its work directory, its user, its limits.
 * @returns options for java, to stand before those that were given
 */
async function fitToContainer(
  javaArguments: readonly string[],
  java: string,
  env: Readonly<NodeJS.ProcessEnv>,
  say: (line: string) => void,
): Promise<string[]> {
  const fitJvm = readJvmSwitch(env);
  const workDir = findWorkDir(javaArguments);
  const mayBeMade = !javaArguments.includes('-failIfWorkDirIsMissing');
  if (workDir !== undefined) requireWorkDir(workDir, mayBeMade);
  const nameless = namelessUser(workDir ?? '/');
  if (nameless !== undefined) say(`warning: ${nameless}`);
  if (!fitJvm) return [];
  const { jvmOptions } = await import('../jvm/index.ts');
  return jvmOptions({ role: 'agent', env, java, base: workDir, say });
}

/**
 * The file of an agent's java.
 * @param path the value of PATH
 * @throws Failure 127 when there is none, 126 when it cannot be executed
 */
export const findAgentJava = (config: AgentConfig, path: string | undefined): string =>
  requireProgram(javaName(config), path);

/** In the official script's order: JENKINS_JAVA_BIN, JAVA_HOME, PATH. */
const javaName = ({ javaBin, javaHome }: AgentConfig): string =>
  javaBin ?? (javaHome === undefined ? 'java' : join(javaHome, 'bin/java'));
