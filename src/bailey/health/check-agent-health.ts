import { statSync } from 'node:fs';
import { procfs } from '../processes/proc-file.ts';
import { proxyPorts, readControllerPorts } from './controller-ports.ts';
import { type HealthResult, healthy, unhealthy } from './health-result.ts';
import type { JenkinsProcess } from './jenkins-process.ts';
import { type TcpSocket, tcpSockets } from './tcp-sockets.ts';

/**
 * So many in a row are about 13 s without a sign of the other side: TCP waits 0.2 s for the first, and doubles it each
 * time (tcp(7), tcp_retries2).
 */
const lostAfterRetransmits = 6;

/**
 * Whether an agent has its connection to the controller. agent.jar listens nowhere and tells nobody, so this is what
 * can be known from outside: its java has an established TCP connection which it has opened itself and whose packets
 * arrive. An idle agent has it too, since the channel stays open; while it reconnects there is none.
 * @param urls whose ports are the controller's, instead of what the command line says
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
      `the agent's connection to port ${candidates[0]?.remotePort} is dead: the controller has not confirmed anything for many seconds`,
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
    return -1; // it has just ended, and has no sockets
  }
}
