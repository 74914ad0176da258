import { join } from 'node:path';
import { requireFile } from '../container/access.ts';
import { native } from '../container/native.ts';
import { handOver, type Launch } from '../launch/hand-over.ts';
import { takeOwnOptions } from '../launch/own-options.ts';
import { requireProgram } from '../launch/program.ts';
import { advertiseOption } from '../scheduler/advertise.ts';
import { withTunnel } from './advertised.ts';
import { agentCommandLine } from './command-line.ts';
import { type AgentConfig, readAgentConfig } from './environment.ts';

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
  return handOver(native(), prepare(args, env, say), signal);
}

const ownOptions = { ...advertiseOption };

function prepare(
  given: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
  say: (line: string) => void,
): Launch {
  const { options, rest: args } = takeOwnOptions('agent', ownOptions, given);
  const [only] = args;
  if (args.length === 1 && only !== undefined && !only.startsWith('-'))
    return { file: requireProgram(only, env['PATH']), argv: args };

  const config = withTunnel(readAgentConfig(env), options, args, env);
  const { javaArguments, warnings } = agentCommandLine(config, args);
  const java = javaName(config);
  const file = requireProgram(java, env['PATH']);
  requireFile('JENKINS_AGENT_FILE', config.jar, 'put agent.jar there, or set JENKINS_AGENT_FILE');
  for (const warning of warnings) say(`warning: ${warning}`);
  return { file, argv: [java, ...javaArguments] };
}

/** In the official script's order: JENKINS_JAVA_BIN, JAVA_HOME, PATH. */
const javaName = ({ javaBin, javaHome }: AgentConfig): string =>
  javaBin ?? (javaHome === undefined ? 'java' : join(javaHome, 'bin/java'));
