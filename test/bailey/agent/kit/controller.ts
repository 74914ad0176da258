import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Test } from 'tap';
import type { Certificate } from '../../kit/fake-castle.ts';

/** An HTTP server that answers as a controller, or as another server in its place. */
export interface Controller {
  readonly url: string;
  readonly port: number;
  /** Method and path of each request, in order. */
  readonly requests: readonly string[];
  /** All headers received, as one text. */
  readonly headers: () => string;
}

/**
 * Listens on a port of 127.0.0.1 until the test has ended.
 * @param port 0: any free port
 */
export async function startController(
  t: Test,
  answer: RequestListener,
  {
    certificate,
    port = 0,
    tls = {},
  }: { readonly certificate?: Certificate; readonly port?: number; readonly tls?: TlsOptions } = {},
): Promise<Controller> {
  const requests: string[] = [];
  const headers: string[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    headers.push(...request.rawHeaders);
    answer(request, response);
  };
  const server =
    certificate === undefined
      ? createServer(listener)
      : createTlsServer(
          { cert: readFileSync(certificate.file), key: readFileSync(certificate.keyFile), ...tls },
          listener,
        );
  const at = await listening(t, server, port);
  const scheme = certificate === undefined ? 'http' : 'https';
  return { url: `${scheme}://127.0.0.1:${at}/`, port: at, requests, headers: () => headers.join('\n') };
}

/** An agent port that answers like Jenkins' listener. */
export function startAgentPort(t: Test): Promise<number> {
  const greeting = 'HTTP/1.0 200 OK\r\n\r\nJenkins-Agent-Protocols: JNLP4-connect, Ping\r\n';
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(greeting));
  });
  return listening(t, server, 0);
}

/** A port of 127.0.0.1 without a listener. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Answers as Jenkins does; without an agent port, the listener page is missing. */
export const asJenkins =
  (agentPort: number | undefined, prefix = ''): RequestListener =>
  (request, response) => {
    response.setHeader('X-Jenkins', '2.530');
    if (request.url === `${prefix}/login`) response.end('<html>Sign in to Jenkins');
    else if (request.url === `${prefix}/tcpSlaveAgentListener/` && agentPort !== undefined)
      response
        .setHeader('X-Hudson-JNLP-Port', agentPort)
        .setHeader('X-Jenkins-JNLP-Port', agentPort)
        .setHeader('X-Instance-Identity', 'MIIB')
        .setHeader('X-Jenkins-Agent-Protocols', 'JNLP4-connect, Ping')
        .end();
    else response.writeHead(404).end();
  };

/** Answers every request with the same status. */
export const always =
  (status: number, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end();

async function listening(t: Test, server: Server | TcpServer, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
