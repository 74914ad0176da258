import { type Address, type Environment, isAgentPortName, portNumber, type Scheduler } from './scheduler.ts';

/**
 * Nomad (hashicorp/nomad, client/taskenv/env.go): for each port label, NOMAD_HOST_IP_<label> (NOMAD_IP_<label> before 1.0)
 * and NOMAD_HOST_PORT_<label> are the address on the host, and NOMAD_PORT_<label> is the port to listen on. An agent
 * reaches the services of other jobs through Consul upstreams: NOMAD_UPSTREAM_ADDR_<service>.
 */
export const nomad: Scheduler = {
  name: 'Nomad',
  searchedVariables: {
    controller:
      'NOMAD_HOST_IP_<label> and NOMAD_HOST_PORT_<label> of a port with the label agent or jnlp, or mapped to <port>',
    agent: 'NOMAD_UPSTREAM_ADDR_<service> with <port> or the name of an agent port at its end',
  },
  controllerAddresses(env, listenPort) {
    if (!env['NOMAD_ALLOC_ID']) return [];
    const ports = labels(env).flatMap((label) => portOf(env, label));
    const mapped = ports.filter((port) => port.listenPort === listenPort);
    return mapped.length > 0 ? mapped : ports.filter(({ label }) => isAgentPortName(label));
  },
  agentAddresses(env, agentPort) {
    if (!env['NOMAD_ALLOC_ID']) return [];
    return Object.entries(env).flatMap(([name, value = '']) => {
      const [, service] = /^NOMAD_UPSTREAM_ADDR_(.+)$/.exec(name) ?? [];
      const [, host = '', port] = /^(.+):(\d+)$/.exec(value) ?? [];
      const number = portNumber(port);
      if (service === undefined || number === undefined) return [];
      return number === agentPort || isAgentPortName(lastWord(service))
        ? [{ host: host.replace(/^\[|\]$/g, ''), port: number, source: name }]
        : [];
    });
  },
};

const hostPort = 'NOMAD_HOST_PORT_';

const labels = (env: Environment): string[] =>
  Object.keys(env).flatMap((name) => (name.startsWith(hostPort) ? [name.slice(hostPort.length)] : []));

function portOf(env: Environment, label: string): (Address & { label: string })[] {
  const ip = env[`NOMAD_HOST_IP_${label}`] ? `NOMAD_HOST_IP_${label}` : `NOMAD_IP_${label}`;
  const [host, port] = [env[ip], portNumber(env[hostPort + label])];
  if (!host || port === undefined) return [];
  const listenPort = portNumber(env[`NOMAD_PORT_${label}`]) ?? port;
  return [{ label, host, port, listenPort, source: `${ip} and ${hostPort}${label}` }];
}

/** Returns the last word of a service name: `agent` for jenkins-agent and jenkins_agent. */
const lastWord = (service: string): string =>
  service.slice(Math.max(service.lastIndexOf('-'), service.lastIndexOf('_')) + 1);
