import { statSync } from 'node:fs';
import { procfs } from '../processes/proc-file.ts';
import { proxyPorts, readControllerPorts } from './controller-ports.ts';
import { type HealthResult, healthy, unhealthy } from './health-result.ts';
import type { JenkinsProcess } from './jenkins-process.ts';
import { type TcpSocket, tcpSockets } from './tcp-sockets.ts';

/**
 * The number of consecutive retransmits from which a connection counts as lost. It corresponds to about 13 s without an
 * acknowledgement: TCP retransmits after 0.2 s and doubles the time with each retransmit (tcp(7), tcp_retries2).
 */
const lostAfterRetransmits = 6;

/**
 * Checks whether an agent is connected to its controller. agent.jar has no status interface, so this searches for an
 * established outgoing TCP connection of its java whose packets are acknowledged. An idle agent has one, since the
 * channel stays open; an agent that is reconnecting has none.
 * @param urls the URLs of the controller, whose ports identify the connection; empty: read from java's command line
 * @param httpProxy the variable http_proxy
 */
export function checkAgentHealth(
  { stat, javaOptions, arguments: args }: JenkinsProcess,
  urls: readonly URL[],
  httpProxy: string | undefined,
): HealthResult {
  const controllerPorts = readControllerPorts(args, urls, proxyPorts(javaOptions, httpProxy));
  const sockets = tcpSockets(stat.pid, ownerOf(stat.pid));
  const listening = new Set(sockets.filter(isListening).map(({ localPort }) => localPort));
  const candidates = sockets.filter(
    ({ state, localPort, remotePort }) =>
      state === 'established' &&
      !listening.has(localPort) &&
      (controllerPorts.ports.size > 0
        ? controllerPorts.ports.has(remotePort)
        : !controllerPorts.otherPorts.has(remotePort)),
  );
  const [connection] = candidates.filter(({ retransmits }) => retransmits < lostAfterRetransmits);
  if (connection !== undefined)
    return healthy(`the agent is connected to port ${connection.remotePort} of its controller`);
  if (candidates.length > 0)
    return unhealthy(
      `the agent's connection to port ${candidates[0]?.remotePort} is dead: the controller has not acknowledged any data for many seconds`,
    );
  return unhealthy(
    `the agent's java runs, but has no connection to ${controllerPorts.name}: it is connecting, or the controller cannot be reached`,
  );
}

const isListening = ({ state }: TcpSocket): boolean => state === 'listening';

function ownerOf(pid: number): number {
  try {
    return statSync(`${procfs}/${pid}`).uid;
  } catch {
    return -1; // the process has just ended and has no sockets
  }
}
