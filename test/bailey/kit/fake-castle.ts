import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { mountIdOf } from '../../../src/linux/mount-id.ts';

/** A castle whose responses the test controls, for responses that a real castle rarely sends. */
export interface FakeCastle {
  readonly url: string;
  /** Method and path of each request, in order. */
  readonly requests: string[];
  /** The Authorization header of each request. */
  readonly authorizations: (string | undefined)[];
}

/** Answers a request; `count` is the number of requests so far. */
type RequestHandler = (response: ServerResponse, count: number) => void;

/** Confirms a release. */
const confirmRelease: RequestHandler = (response) => void response.writeHead(204).end();

/**
 * Listens on a unix socket in `folder` until the test has ended.
 * @param answer answers POST /v1/leases
 * @param release answers DELETE
 */
export async function startFakeCastle(
  t: Test,
  folder: string,
  answer: RequestHandler,
  release = confirmRelease,
): Promise<FakeCastle> {
  const socket = join(folder, 'castle.sock');
  const listen = (server: Server): unknown => server.listen(socket);
  const { server, ...recorded } = await listening(t, createServer(), answer, release, listen);
  return { url: `unix://${socket}`, ...recorded };
}

/** A self-signed certificate and its key, as PEM files. */
export interface Certificate {
  readonly file: string;
  readonly keyFile: string;
}

/**
 * Makes a certificate with openssl(1).
 * @param names as its subjectAltName has them, `DNS:castle.example` or `IP:::1`
 * @param days validity from now; -1: expired
 */
export function makeCertificate(
  folder: string,
  name: string,
  names: readonly string[],
  days = 2,
): Certificate {
  const certificate = { file: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
  const { status, stderr } = spawnSync('openssl', [
    ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
    ...['-days', String(Math.max(days, 1))],
    ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names.join(',')}`],
    ...['-keyout', certificate.keyFile, '-out', certificate.file],
  ]);
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  if (days < 1) {
    const expired = ['x509', '-in', certificate.file, '-signkey', certificate.keyFile, '-days', String(days)];
    const signed = spawnSync('openssl', [...expired, '-out', certificate.file]);
    if (signed.status !== 0) throw new Error(`openssl: ${signed.stderr}`);
  }
  return certificate;
}

/** Listens over TLS on a port of ::1 and 127.0.0.1 until the test has ended; the URL contains 127.0.0.1. */
export async function startFakeTlsCastle(
  t: Test,
  { file, keyFile }: Certificate,
  answer: RequestHandler,
): Promise<FakeCastle> {
  const tls = createTlsServer({ cert: readFileSync(file), key: readFileSync(keyFile) });
  const { server, ...recorded } = await listening(t, tls, answer, confirmRelease, (server) =>
    server.listen(0, '::'),
  );
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ...recorded };
}

async function listening(
  t: Test,
  server: Server,
  answer: RequestHandler,
  release: RequestHandler,
  listen: (server: Server) => unknown,
): Promise<{ server: Server; requests: string[]; authorizations: (string | undefined)[] }> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`);
    authorizations.push(request.headers.authorization);
    request.resume();
    if (request.method === 'POST') answer(response, requests.length);
    else release(response, requests.length);
  });
  listen(server);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, requests, authorizations };
}

/** Responds that another container uses the volume. */
export const refuseInUse = (response: ServerResponse): void =>
  answerJson(response, 409, {
    error: { code: 'volume_in_use', message: 'volume v is in use by container other', remedy: 'stop it' },
  });

/**
 * Grants a lease with the mount id of whatever is mounted at `target`, which the client verifies.
 * @param status 201 for a new lease, 200 for one that the container already holds
 */
export const grantLease = (response: ServerResponse, target: string, status: 200 | 201 = 201): void =>
  answerJson(response, status, {
    id: 'lease-1',
    volume: 'v',
    container: 'c',
    containerName: 'c',
    target,
    state: 'mounted',
    mountId: mountIdOf(target),
    since: new Date().toISOString(),
  });

/** Sends a JSON response. */
export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
