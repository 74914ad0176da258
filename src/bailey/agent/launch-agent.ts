import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../../linux/native-addon.ts';
import { requireFile } from '../container/folder-access.ts';
import { requireProgram } from '../launch/find-program.ts';
import { handOver, type Launch } from '../launch/hand-over.ts';
import { advertisedTunnel } from './advertised-tunnel.ts';
import { agentCommandLine } from './agent-command-line.ts';
import { type AgentConfig, readAgentConfig } from './agent-config.ts';
import { type AgentOptions, readAgentOptions } from './agent-options.ts';
import { hideSecrets } from './hide-secrets.ts';
import { prepareAgentJvm } from './prepare-agent-jvm.ts';
import { hasOption, lastValue, type ParsedArgument } from './remoting/parse-arguments.ts';
import { rejectUnknownOptions } from './remoting/unknown-options.ts';
import { workDirOf } from './work-dir.ts';

/** The input of a launch. */
export interface AgentLaunch {
  /** Arguments of `bailey agent`. */
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Writes one line to standard error. */
  readonly logLine: (line: string) => void;
  /** Aborted when a signal ends the preparation. */
  readonly signal: AbortSignal;
}

/**
 * Becomes the java of an agent; a single argument that is not an option is a program to become instead.
 * @throws Failure with the exit code; the signal's reason
 */
export async function launchAgent({ args, env, logLine, signal }: AgentLaunch): Promise<never> {
  const { options, rest } = readAgentOptions(args, env);
  const [only] = rest;
  if (rest.length === 1 && only !== undefined && !only.startsWith('-'))
    return handOver(native(), { file: requireProgram(only, env['PATH']), argv: rest }, signal);
  return handOver(native(), await prepare(options, rest, { args, env, logLine, signal }), signal);
}

async function prepare(
  options: AgentOptions,
  given: readonly string[],
  { env, logLine, signal }: AgentLaunch,
): Promise<Launch> {
  const config = readAgentConfig(env);
  const advertised = options.advertise && advertisedTunnel(options.advertise, env);
  const { args, items, warnings } = await agentCommandLine(config, given, advertised, signal);
  const java = javaName(config);
  const file = requireProgram(java, env['PATH']);
  const isFetched = !config.isJarConfigured && !existsSync(config.jar) && hasOption(items, '-url');
  if (!isFetched) await requireJar(config.jar, items);
  for (const warning of warnings) logLine(`warning: ${warning}`);
  const mayCreateWorkDir = !hasOption(items, '-failIfWorkDirIsMissing');
  const jvm = await prepareAgentJvm(
    { java: file, workDir: workDirOf(items), mayCreateWorkDir },
    env,
    logLine,
  );
  const hidden = hideSecrets(native(), args, items, logLine);
  const jar =
    options.preflight || isFetched
      ? await awaitControllerAndJar(options, config, items, isFetched, { env, logLine, signal })
      : config.jar;
  if (isFetched) await requireJar(jar, items);
  return { ...hidden, file, argv: [java, ...jvm, ...config.javaOptions, '-jar', jar, ...hidden.args] };
}

async function requireJar(jar: string, items: readonly ParsedArgument[]): Promise<void> {
  requireFile('JENKINS_AGENT_FILE', jar, 'put agent.jar there, or set JENKINS_AGENT_FILE');
  await rejectUnknownOptions(jar, items);
}

/**
 * Waits for the controller, and fetches its agent.jar if the image has none. The modules are imported here because they
 * load Node's network modules.
 * @returns the path of the jar
 */
async function awaitControllerAndJar(
  { preflight, connectTimeoutMs }: AgentOptions,
  config: AgentConfig,
  items: readonly ParsedArgument[],
  isFetched: boolean,
  { env, logLine, signal }: Pick<AgentLaunch, 'env' | 'logLine' | 'signal'>,
): Promise<string> {
  const { awaitController, agentJarTimeoutMs } = await import('./preflight/await-controller.ts');
  const { readControllerTarget, readTarget } = await import('./preflight/controller-target.ts');
  const deadline = performance.now() + (connectTimeoutMs ?? agentJarTimeoutMs(items));
  const wait = { deadline, logLine, signal };
  const target = readTarget(items, config.javaOptions, env);
  if (preflight) await awaitController(target, wait);
  if (!isFetched) return config.jar;
  const { findCacheFolder } = await import('./agent-jar/cache-folder.ts');
  const { fetchAgentJar } = await import('./agent-jar/fetch-agent-jar.ts');
  const folder = findCacheFolder(env, lastValue(items, '-workDir'));
  return fetchAgentJar(readControllerTarget(items, env), folder, wait);
}

/** Returns the java to run, in the order of the official script: JENKINS_JAVA_BIN, JAVA_HOME, PATH. */
export const javaName = ({ javaBin, javaHome }: AgentConfig): string =>
  javaBin ?? (javaHome === undefined ? 'java' : join(javaHome, 'bin/java'));
