import {
  findAdvertisedAddress,
  formatAddress,
  readAdvertiseSetting,
} from '../scheduler/advertised-address.ts';
import { type Environment, portNumber } from '../scheduler/scheduler.ts';
import type { ControllerConfig } from './controller-config.ts';
import { agentPortProperty, isPropertySet } from './java-command-line.ts';

/** System properties for the address that Jenkins advertises to agents (hudson.TcpSlaveAgentListener, since 2.198 and 1.611). */
const hostProperty = 'hudson.TcpSlaveAgentListener.hostName';
const portProperty = 'hudson.TcpSlaveAgentListener.port';

/**
 * The controller's settings with the address that the scheduler has given to its port for agents, where --advertise or
 * BAILEY_ADVERTISE asks for it. A property that somebody gave stays as it is.
 * @param options our own ones
 * @param logLine writes one line to standard error
 * @throws Failure 64 or 78 for a wrong setting, 78 when `auto` finds no address, or more than one
 */
export function advertiseAgentPort(
  config: ControllerConfig,
  options: ReadonlyMap<string, string>,
  env: Environment,
  logLine: (line: string) => void,
): ControllerConfig {
  const setting = readAdvertiseSetting(options, env);
  const given = (property: string): boolean => isPropertySet(config.javaOptions, property);
  const port = listenPort(config);
  if (setting === undefined || port === '-1' || (given(hostProperty) && given(portProperty))) return config;
  const address = findAdvertisedAddress('controller', setting, env, portNumber(port));
  const properties: readonly (readonly [string, string | number])[] = [
    ...(address.listenPort === undefined ? [] : [[agentPortProperty, address.listenPort] as const]),
    [hostProperty, address.host],
    [portProperty, address.port],
  ];
  // If one property is configured, Jenkins advertises another address than this.
  if (!given(hostProperty) && !given(portProperty))
    logLine(`agents connect to ${formatAddress(address)} (${address.source})`);
  return {
    ...config,
    javaOptions: [
      ...config.javaOptions,
      ...properties.flatMap(([name, value]) => (given(name) ? [] : [`-D${name}=${value}`])),
    ],
  };
}

/** As Jenkins interprets it: 0 means any port, -1 none (all agents use WebSocket). */
function listenPort({ javaOptions, agentPort }: ControllerConfig): string {
  const prefix = `-D${agentPortProperty}=`;
  const property = javaOptions.findLast((option) => option.startsWith(prefix))?.slice(prefix.length);
  return property ?? agentPort ?? '50000';
}
