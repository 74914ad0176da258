import type { AdvertisedTunnel } from './advertised-tunnel.ts';
import type { AgentConfig } from './agent-config.ts';
import {
  hasOption,
  type ParsedArgument,
  parseArguments,
  positionalArguments,
} from './remoting/parse-arguments.ts';
import { type RawArgument, readArguments } from './remoting/read-arguments.ts';
import { validateArguments } from './remoting/validate-arguments.ts';

/** The arguments of agent.jar, and warnings about them. */
export interface AgentCommandLine {
  readonly args: readonly RawArgument[];
  /** The same arguments, parsed by the rules of agent.jar. */
  readonly items: readonly ParsedArgument[];
  readonly warnings: readonly string[];
}

/**
 * Builds the arguments of agent.jar in the order of the official script. Arguments override variables, with a warning for
 * the secret, the name and the work directory. Unlike the script, this compares options and not text:
 * `-workDir /home/jenkins/agent` does not count as the name of JENKINS_AGENT_NAME=agent.
 * @param args arguments of `bailey agent`; they come last
 * @param advertised the controller's address from the scheduler; ignored if a way to connect is configured, since an
 *   image may set BAILEY_ADVERTISE for all its agents
 * @throws Failure 64 for arguments that agent.jar would reject; 78, 77 or 74 for an `@FILE`; the signal's reason
 */
export async function agentCommandLine(
  config: AgentConfig,
  args: readonly string[],
  advertised: AdvertisedTunnel | undefined,
  signal: AbortSignal,
): Promise<AgentCommandLine> {
  const given = await readArguments(args, '', signal);
  const remoting = await readArguments(config.remotingOptions, 'REMOTING_OPTS', signal);
  const warnings: string[] = [];
  const all: RawArgument[] = [];
  const both = [parseArguments(given), parseArguments(remoting)] as const;
  const tunnel =
    advertised !== undefined && !isConnectionConfigured(config, both.flat()) ? advertised : undefined;
  for (const variable of [...chooseVariables(config, ...both, warnings), ...tunnelVariable(tunnel)])
    all.push(...(await readArguments(variable.args, variable.name, signal)));
  all.push(...remoting, ...given);
  const items = parseArguments(all);
  validateArguments(items);
  return { args: all, items, warnings: [...warnings, ...deprecations(items)] };
}

interface Variable {
  readonly name: string;
  /** An option, and its value if it takes one. */
  readonly args: readonly string[];
}

/** Returns the variables that become arguments of agent.jar, in order. */
function chooseVariables(
  config: AgentConfig,
  given: readonly ParsedArgument[],
  remoting: readonly ParsedArgument[],
  warnings: string[],
): Variable[] {
  const positionalCount = Math.max(positionalArguments(given).length, positionalArguments(remoting).length);
  const webSocket = config.webSocket || hasOption(given, '-webSocket') || hasOption(remoting, '-webSocket');
  const variable = (name: string, option: string, value: string | undefined): Variable[] =>
    value === undefined ? [] : [{ name, args: [option, value] }];
  /** @param isPositional whether the arguments give the value without its option */
  const unlessInArguments = ([found]: Variable[], isPositional = false): Variable[] => {
    if (found === undefined || !(isPositional || hasOption(given, found.args[0] ?? '')))
      return found ? [found] : [];
    warnings.push(`${found.name} is ignored: the arguments also give it`);
    return [];
  };
  return [
    ...unlessInArguments(variable('JENKINS_SECRET', '-secret', config.secret), positionalCount > 0),
    ...unlessInArguments(variable(config.nameVariable, '-name', config.name), positionalCount > 1),
    ...(hasOption(given, '-tunnel')
      ? []
      : tunnel(variable('JENKINS_TUNNEL', '-tunnel', config.tunnel), webSocket, warnings)),
    ...variable('JENKINS_URL', '-url', config.url),
    ...unlessInArguments(variable('JENKINS_AGENT_WORKDIR', '-workDir', config.workDir)),
    ...(config.webSocket ? [{ name: 'JENKINS_WEB_SOCKET', args: ['-webSocket'] }] : []),
    ...variable('JENKINS_DIRECT_CONNECTION', '-direct', config.direct),
    ...variable('JENKINS_PROTOCOLS', '-protocols', config.protocols),
    ...variable('JENKINS_INSTANCE_IDENTITY', '-instanceIdentity', config.instanceIdentity),
  ];
}

const isConnectionConfigured = (
  { tunnel, direct, webSocket }: AgentConfig,
  items: readonly ParsedArgument[],
): boolean =>
  tunnel !== undefined ||
  direct !== undefined ||
  webSocket ||
  ['-tunnel', '-direct', '-webSocket'].some((option) => hasOption(items, option));

const tunnelVariable = (advertised: AdvertisedTunnel | undefined): Variable[] =>
  advertised === undefined ? [] : [{ name: advertised.name, args: ['-tunnel', advertised.find()] }];

/** kubernetes-plugin also sets JENKINS_TUNNEL for WebSocket agents, for which agent.jar rejects a tunnel. */
function tunnel(found: Variable[], webSocket: boolean, warnings: string[]): Variable[] {
  if (found.length === 0 || !webSocket) return found;
  warnings.push('JENKINS_TUNNEL is ignored: a WebSocket connection does not use a tunnel');
  return [];
}

/** agent.jar warns, too, but for some options only after it has started, and older versions do not. */
function deprecations(items: readonly ParsedArgument[]): string[] {
  const old = items.flatMap(({ name, option }) =>
    option?.replacement === undefined ? [] : [`${name} is deprecated: use ${option.replacement}`],
  );
  if (positionalArguments(items).length === 2)
    old.push('a positional secret and name are deprecated: use -secret and -name');
  return [...new Set(old)];
}
