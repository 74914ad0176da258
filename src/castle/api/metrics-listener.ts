import { createServer, type ServerResponse } from 'node:http';
import type { Metrics } from '../events/metrics.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { parseAddress } from './address.ts';
import { listenOn } from './listen-on.ts';

export interface MetricsListener {
  close(): Promise<void>;
}

/** More connections than this are closed at once; a Prometheus needs one. */
const limitOfConnections = 64;
/** Who sends its request more slowly is cut off, in milliseconds. */
const requestWithinMs = 10_000;

/**
 * Serves /metrics and /healthz on TCP, for a Prometheus, which doesn't scrape unix sockets. Nobody is asked who they are
 * there: what is served has no names of containers or volumes in it. Nothing else of the castle's can be reached.
 * @param address `HOST:PORT`, IPv6 in brackets; port 0 takes a free one
 * @throws Failure config when it is no address, cannotCreate, noPermission when it can't be listened on
 */
export async function serveMetrics(
  address: string,
  metrics: Metrics,
  checkHealth: () => void,
): Promise<MetricsListener> {
  const { host, port } = parseAddress('--metrics-listen', address);
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
    { host, port },
    `metrics cannot be served on ${address}`,
    'give another --metrics-listen',
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
    // Why is for the host's root, in the log and on the socket: it has paths in it.
    response.writeHead(thrown instanceof RefusalError ? thrown.status : 500).end('not well\n');
  }
}
