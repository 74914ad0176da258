import { Failure } from '../failure.ts';
import { advertiseSetting, findAddress, shownAddress } from '../scheduler/advertise.ts';
import { type Environment, portNumber } from '../scheduler/scheduler.ts';
import type { AgentConfig } from './environment.ts';
import { parseRemotingArguments } from './remoting-options.ts';

/**
 * The agent's settings with a tunnel to the address that the scheduler gives for the controller, where --advertise or
 * BAILEY_ADVERTISE asks for it. Whoever has said how to connect (-tunnel, JENKINS_TUNNEL, -direct, -webSocket) is left
 * alone: an image may have BAILEY_ADVERTISE set for all.
 * @param options our own ones
 * @param args for agent.jar
 * @throws Failure 64 or 78 for a wrong setting, 78 when `auto` finds no address, or more than one
 */
export function withTunnel(
  config: AgentConfig,
  options: ReadonlyMap<string, string>,
  args: readonly string[],
  env: Environment,
): AgentConfig {
  const setting = advertiseSetting(options, env);
  const given = parseRemotingArguments([...config.remotingOptions, ...args]).options;
  const isDecided =
    config.tunnel !== undefined ||
    config.direct !== undefined ||
    config.webSocket ||
    ['-tunnel', '-direct', '-webSocket'].some((option) => given.has(option));
  if (setting === undefined || isDecided) return config;
  const address = findAddress('agent', setting, env, portNumber(env['JENKINS_SLAVE_AGENT_PORT'] || '50000'));
  // agent.jar splits at the first colon, and refuses a second one.
  if (address.host.includes(':'))
    throw new Failure(
      setting.kind,
      `${shownAddress(address)} (${address.source}) cannot be a tunnel: agent.jar takes no IPv6 address there`,
      'give a name that leads to it',
    );
  return { ...config, tunnel: shownAddress(address) };
}
