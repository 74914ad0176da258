import { type Address, type Environment, isAgentPortName, portNumber, type Scheduler } from './scheduler.ts';

/**
 * Marathon, on Mesos and DC/OS (mesosphere/marathon, EnvironmentHelper.scala): HOST is the host, PORT_<container port>
 * the host port mapped to that container port, PORT_<NAME> the host port of a named port; PORT0, PORT1, … and PORTS are all
 * host ports in order. With host networking, the task must listen on these ports itself.
 */
export const marathon: Scheduler = {
  name: 'Marathon',
  searchedVariables: {
    controller: 'HOST with PORT_<port>, PORT_AGENT or PORT1',
    // An agent's variables describe its own host and ports, not its controller's.
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
  // By convention the first port is for HTTP: of two ports, the second one is for agents.
  const second = env['PORTS']?.split(',').length === 2 && isHostNetwork(env) ? 'PORT1' : undefined;
  const variable = named ?? second;
  const port = variable === undefined ? undefined : portNumber(env[variable]);
  return variable === undefined || port === undefined
    ? undefined
    : { port, listenPort: port, source: variable };
}

/** Whether the task uses host networking: then PORT_8080 is 8080; with mapped ports it is another number. */
const isHostNetwork = (env: Environment): boolean =>
  Object.entries(env).every(([name, value]) => !/^PORT_\d+$/.test(name) || name === `PORT_${value}`);
