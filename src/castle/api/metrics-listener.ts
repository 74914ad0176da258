import { createServer, type ServerResponse } from 'node:http';
import type { Metrics } from '../events/metrics.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { type Address, formatAddress } from './listen-address.ts';
import { listenOn } from './listen-on.ts';

export interface MetricsListener {
  close(): Promise<void>;
}

/** The maximum number of connections; a Prometheus server needs one. */
const limitOfConnections = 64;
/** A client must send its request within this time, in milliseconds. */
const requestWithinMs = 10_000;

/**
 * Serves /metrics and /healthz on TCP, for Prometheus, which cannot read a unix socket. Clients are not authenticated: the
 * responses have no names of containers or volumes. Nothing else can be reached there.
 * @throws Failure cannotCreate, noPermission when the castle cannot listen on the address
 */
export async function serveMetrics(
  address: Address,
  metrics: Metrics,
  checkHealth: () => void,
): Promise<MetricsListener> {
  const server = createServer(
    { requestTimeout: requestWithinMs, maxHeaderSize: 8 * 1024 },
    (request, response) => {
      request.resume();
      const path = request.method === 'GET' ? request.url?.split('?')[0] : undefined;
      answer(path, response, metrics, checkHealth).catch(() => response.destroy());
    },
  );
  server.maxConnections = limitOfConnections;
  await listenOn(
    server,
    address,
    `cannot serve metrics on ${formatAddress(address)}`,
    'choose another address for --metrics-listen',
  );
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  path: string | undefined,
  response: ServerResponse,
  metrics: Metrics,
  checkHealth: () => void,
): Promise<void> {
  if (path === '/metrics') {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
    return;
  }
  if (path !== '/healthz') {
    response.writeHead(404).end();
    return;
  }
  try {
    checkHealth();
    response.writeHead(200).end('ok\n');
  } catch (thrown) {
    // The reason contains paths, so only the log and the unix socket, which root of the host reads, disclose it.
    response.writeHead(thrown instanceof RefusalError ? thrown.status : 500).end('unhealthy\n');
  }
}
