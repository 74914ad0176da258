import { Failure } from '../failure.ts';
import type { AgentConfig } from './environment.ts';
import { findConflict, parseRemotingArguments, type RemotingArguments } from './remoting-options.ts';

/** Java's arguments for an agent, and what people should be told about them. */
export interface AgentCommandLine {
  readonly javaArguments: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Java's arguments for an agent, in the official script's order. What the arguments give wins over the environment,
 * with a warning for the secret, the name and the work dir. Unlike the script this looks at options and not at text:
 * JENKINS_AGENT_NAME=agent is not given by `-workDir /home/jenkins/agent`.
 * @param args arguments of `bailey agent`: they come last
 * @throws Failure 64 when options exclude each other
 */
export function agentCommandLine(config: AgentConfig, args: readonly string[]): AgentCommandLine {
  const warnings: string[] = [];
  const given = parseRemotingArguments(args);
  const remoting = parseRemotingArguments(config.remotingOptions);

  const fromEnvironment = (
    option: string,
    value: string | undefined,
    variable: string,
    isGiven: boolean,
  ): string[] => {
    if (value === undefined) return [];
    if (!isGiven) return [option, value];
    warnings.push(`${variable} is not used: the arguments give it too`);
    return [];
  };
  const webSocket = config.webSocket || given.options.has('-webSocket') || remoting.options.has('-webSocket');

  const options = [
    ...fromEnvironment(
      '-secret',
      config.secret,
      'JENKINS_SECRET',
      given.options.has('-secret') || given.positional.length > 0,
    ),
    ...fromEnvironment(
      '-name',
      config.name,
      config.nameVariable,
      given.options.has('-name') || given.positional.length > 1,
    ),
    ...tunnel(config, given.options.has('-tunnel'), webSocket, warnings),
    ...pair('-url', config.url),
    ...fromEnvironment('-workDir', config.workDir, 'JENKINS_AGENT_WORKDIR', given.options.has('-workDir')),
    ...(config.webSocket ? ['-webSocket'] : []),
    ...pair('-direct', config.direct),
    ...pair('-protocols', config.protocols),
    ...pair('-instanceIdentity', config.instanceIdentity),
    ...config.remotingOptions,
    ...args,
  ];
  requireNoConflict(options, given, remoting);
  return { javaArguments: [...config.javaOptions, '-jar', config.jar, ...options], warnings };
}

const pair = (option: string, value: string | undefined): string[] =>
  value === undefined ? [] : [option, value];

/** kubernetes-plugin sets JENKINS_TUNNEL also for agents that connect by WebSocket, where agent.jar refuses it. */
function tunnel(config: AgentConfig, isGiven: boolean, webSocket: boolean, warnings: string[]): string[] {
  if (config.tunnel === undefined || isGiven) return [];
  if (!webSocket) return ['-tunnel', config.tunnel];
  warnings.push('JENKINS_TUNNEL is not used: a WebSocket goes through no tunnel');
  return [];
}

/** Says of each option where it comes from, unless from the arguments: who has to leave it out has to find it. */
function requireNoConflict(
  options: readonly string[],
  given: RemotingArguments,
  remoting: RemotingArguments,
): void {
  const conflict = findConflict(parseRemotingArguments(options).options);
  if (conflict === undefined) return;
  const [one, other] = conflict.map((option) => {
    if (given.options.has(option)) return option;
    return `${option} (${remoting.options.has(option) ? 'REMOTING_OPTS' : variables[option]})`;
  });
  throw new Failure('usage', `${one} and ${other} exclude each other`, 'leave one of them out');
}

/** Of the options that may exclude another. */
const variables: Readonly<Record<string, string>> = {
  '-webSocket': 'JENKINS_WEB_SOCKET',
  '-direct': 'JENKINS_DIRECT_CONNECTION',
  '-tunnel': 'JENKINS_TUNNEL',
};
