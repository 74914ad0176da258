import { splitWords } from '../launch/split-words.ts';
import { defaultAgentJar } from './settings.ts';

/** The settings of an agent in the environment; variable names are those of the official image. */
export interface AgentConfig {
  /** JENKINS_JAVA_BIN */
  readonly javaBin: string | undefined;
  /** JAVA_HOME */
  readonly javaHome: string | undefined;
  /** Options for java: JENKINS_JAVA_OPTS, else JAVA_OPTS. */
  readonly javaOptions: readonly string[];
  /** JENKINS_AGENT_FILE, else the path in the official image. */
  readonly jar: string;
  /** Whether JENKINS_AGENT_FILE is set. If so, the file must exist. */
  readonly isJarConfigured: boolean;
  readonly secret: string | undefined;
  /** JENKINS_NAME, else JENKINS_AGENT_NAME. */
  readonly name: string | undefined;
  /** The variable that the name comes from, for messages. */
  readonly nameVariable: string;
  readonly tunnel: string | undefined;
  readonly url: string | undefined;
  readonly workDir: string | undefined;
  readonly webSocket: boolean;
  /** JENKINS_DIRECT_CONNECTION */
  readonly direct: string | undefined;
  readonly protocols: string | undefined;
  readonly instanceIdentity: string | undefined;
  /** REMOTING_OPTS, split. */
  readonly remotingOptions: readonly string[];
}

/**
 * Reads an agent's settings. An empty variable counts as not set, as in the official script.
 * @throws Failure 78 for options whose quotes are not closed
 */
export function readAgentConfig(env: Readonly<Record<string, string | undefined>>): AgentConfig {
  const optional = (variable: string): string | undefined => env[variable] || undefined;
  const javaVariable = optional('JENKINS_JAVA_OPTS') === undefined ? 'JAVA_OPTS' : 'JENKINS_JAVA_OPTS';
  const nameVariable = optional('JENKINS_NAME') === undefined ? 'JENKINS_AGENT_NAME' : 'JENKINS_NAME';
  return {
    javaBin: optional('JENKINS_JAVA_BIN'),
    javaHome: optional('JAVA_HOME'),
    javaOptions: splitWords(javaVariable, env[javaVariable] ?? ''),
    jar: optional('JENKINS_AGENT_FILE') ?? defaultAgentJar,
    isJarConfigured: optional('JENKINS_AGENT_FILE') !== undefined,
    secret: optional('JENKINS_SECRET'),
    name: optional(nameVariable),
    nameVariable,
    tunnel: optional('JENKINS_TUNNEL'),
    url: optional('JENKINS_URL'),
    workDir: optional('JENKINS_AGENT_WORKDIR'),
    webSocket: env['JENKINS_WEB_SOCKET'] === 'true',
    direct: optional('JENKINS_DIRECT_CONNECTION'),
    protocols: optional('JENKINS_PROTOCOLS'),
    instanceIdentity: optional('JENKINS_INSTANCE_IDENTITY'),
    remotingOptions: splitWords('REMOTING_OPTS', env['REMOTING_OPTS'] ?? ''),
  };
}
