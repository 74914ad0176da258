import { type Address, type Environment, isAgentPortName, portNumber, type Scheduler } from './scheduler.ts';

/**
 * Marathon, on Mesos and DC/OS (mesosphere/marathon, EnvironmentHelper.scala): HOST is the host, PORT_<container port>
 * the host's port that leads there, PORT_<NAME> that of a port with a name, PORT0, PORT1, … and PORTS all of them in
 * their order. Where the network is the host's, these are the ports to listen on.
 */
export const marathon: Scheduler = {
  name: 'Marathon',
  searchedVariables: {
    controller: 'HOST with PORT_<port>, PORT_AGENT or PORT1',
    // An agent's own host and ports are no way to its controller.
    agent: '',
  },
  agentAddresses: () => [],
  controllerAddresses(env, listenPort) {
    const host = env['HOST'];
    if (!env['MARATHON_APP_ID'] || !host) return [];
    const found = agentPort(env, listenPort);
    return found === undefined ? [] : [{ host, ...found, source: `HOST and ${found.source}` }];
  },
};

function agentPort(env: Environment, listenPort: number | undefined): Omit<Address, 'host'> | undefined {
  const mapped = listenPort === undefined ? undefined : portNumber(env[`PORT_${listenPort}`]);
  if (mapped !== undefined) return { port: mapped, source: `PORT_${listenPort}` };
  const named = Object.keys(env).find((name) => name.startsWith('PORT_') && isAgentPortName(name.slice(5)));
  // The web's comes first: of two, the second one is the agents'.
  const second = env['PORTS']?.split(',').length === 2 && isNetworkOfHost(env) ? 'PORT1' : undefined;
  const variable = named ?? second;
  const port = variable === undefined ? undefined : portNumber(env[variable]);
  return variable === undefined || port === undefined
    ? undefined
    : { port, listenPort: port, source: variable };
}

/** Where container ports are mapped, PORT_8080 is some other port. */
const isNetworkOfHost = (env: Environment): boolean =>
  Object.entries(env).every(([name, value]) => !/^PORT_\d+$/.test(name) || name === `PORT_${value}`);
