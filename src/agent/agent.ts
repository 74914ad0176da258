import { join } from 'node:path';
import { requireFile } from '../container/access.ts';
import { native } from '../container/native.ts';
import { handOver, type Launch } from '../launch/hand-over.ts';
import { requireProgram } from '../launch/program.ts';
import { agentCommandLine } from './command-line.ts';
import { type AgentConfig, readAgentConfig } from './environment.ts';
import { hideSecrets } from './hidden-arguments.ts';
import { type AgentSettings, readOwnOptions } from './own-options.ts';
import { requireKnown } from './remoting/unknown-options.ts';

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
  const { settings, rest } = readOwnOptions(args, env);
  const [only] = rest;
  if (rest.length === 1 && only !== undefined && !only.startsWith('-'))
    return handOver(native(), { file: requireProgram(only, env['PATH']), argv: rest }, signal);
  return handOver(native(), await prepare(settings, rest, { args, env, say, signal }), signal);
}

async function prepare(
  settings: AgentSettings,
  given: readonly string[],
  { env, say, signal }: AgentLaunch,
): Promise<Launch> {
  const config = readAgentConfig(env);
  const { args, items, warnings } = await agentCommandLine(config, given, signal);
  const java = javaName(config);
  const file = requireProgram(java, env['PATH']);
  requireFile('JENKINS_AGENT_FILE', config.jar, 'put agent.jar there, or set JENKINS_AGENT_FILE');
  await requireKnown(config.jar, items);
  for (const warning of warnings) say(`warning: ${warning}`);
  const hidden = hideSecrets(native(), args, items, say);
  return { ...hidden, file, argv: [java, ...config.javaOptions, '-jar', config.jar, ...hidden.args] };
}

/** In the official script's order: JENKINS_JAVA_BIN, JAVA_HOME, PATH. */
const javaName = ({ javaBin, javaHome }: AgentConfig): string =>
  javaBin ?? (javaHome === undefined ? 'java' : join(javaHome, 'bin/java'));
