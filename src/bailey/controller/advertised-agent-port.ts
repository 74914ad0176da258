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
 * Adds the address that the scheduler assigned to the controller's port for agents to its settings, if --advertise or
 * BAILEY_ADVERTISE is set. A system property that is already configured is not changed.
 * @param options the options of `bailey jenkins`
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
  const isSet = (property: string): boolean => isPropertySet(config.javaOptions, property);
  const port = listenPort(config);
  if (setting === undefined || port === '-1' || (isSet(hostProperty) && isSet(portProperty))) return config;
  const address = findAdvertisedAddress('controller', setting, env, portNumber(port));
  const properties: readonly (readonly [string, string | number])[] = [
    ...(address.listenPort === undefined ? [] : [[agentPortProperty, address.listenPort] as const]),
    [hostProperty, address.host],
    [portProperty, address.port],
  ];
  // If one property is configured, Jenkins advertises another address than this.
  if (!isSet(hostProperty) && !isSet(portProperty))
    logLine(`agents connect to ${formatAddress(address)} (${address.source})`);
  return {
    ...config,
    javaOptions: [
      ...config.javaOptions,
      ...properties.flatMap(([name, value]) => (isSet(name) ? [] : [`-D${name}=${value}`])),
    ],
  };
}

/** As Jenkins interprets it: 0 means any port, -1 none (all agents use WebSocket). */
function listenPort({ javaOptions, agentPort }: ControllerConfig): string {
  const prefix = `-D${agentPortProperty}=`;
  const property = javaOptions.findLast((option) => option.startsWith(prefix))?.slice(prefix.length);
  return property ?? agentPort ?? '50000';
}
