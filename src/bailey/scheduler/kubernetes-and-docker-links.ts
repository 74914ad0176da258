import { type Address, type Environment, isAgentPortName, portNumber, type Scheduler } from './scheduler.ts';

/**
 * The variables that Kubernetes sets for each service of the namespace (kubernetes/kubernetes,
 * pkg/kubelet/envvars/envvars.go), and Docker for each link: <SERVICE>_PORT_<port>_TCP=tcp://HOST:PORT. Kubernetes also sets
 * <SERVICE>_SERVICE_HOST and <SERVICE>_SERVICE_PORT_<NAME>, which are needed when the service has another port number.
 */
export const serviceLinks: Scheduler = {
  name: 'Kubernetes',
  searchedVariables: {
    controller: '<SERVICE>_PORT_<port>_TCP or <SERVICE>_SERVICE_PORT_AGENT of a service of the namespace',
    agent: '<SERVICE>_PORT_<port>_TCP or <SERVICE>_SERVICE_PORT_AGENT of a service or a link',
  },
  controllerAddresses: (env, listenPort) =>
    // A Docker link is the address of another container, never the own one.
    env['KUBERNETES_SERVICE_HOST'] ? services(env, listenPort) : [],
  agentAddresses: services,
};

function services(env: Environment, port: number | undefined): readonly Address[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    if (port !== undefined && name.endsWith(`_PORT_${port}_TCP`)) {
      const [, host = '', number] = /^tcp:\/\/(.+):(\d+)$/.exec(value) ?? [];
      return address(host.replace(/^\[|\]$/g, ''), number, name);
    }
    const [, service, portName = ''] = /^(.+)_SERVICE_PORT_(.+)$/.exec(name) ?? [];
    if (service === undefined || !isAgentPortName(portName)) return [];
    return address(env[`${service}_SERVICE_HOST`] ?? '', value, name);
  });
}

function address(host: string, port: string | undefined, source: string): Address[] {
  const number = portNumber(port);
  return host === '' || number === undefined ? [] : [{ host, port: number, source }];
}
