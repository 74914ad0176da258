import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { mountIdOf } from '../../../src/linux/mount-id.ts';

/** A castle that does what a test tells it to: for what a real one does only in unlucky moments. */
export interface FakeCastle {
  readonly url: string;
  /** Method and path of what was asked, in order. */
  readonly asked: string[];
  /** The Authorization header of each of them. */
  readonly authorizations: (string | undefined)[];
}

/** Answers a call. */
type Answering = (response: ServerResponse, asked: number) => void;

/** Grants a release. */
const grant: Answering = (response) => void response.writeHead(204).end();

/**
 * Listens on a unix socket in `folder` until the test has ended.
 * @param answer answers POST /v1/leases
 * @param release answers DELETE
 */
export async function startFakeCastle(
  t: Test,
  folder: string,
  answer: Answering,
  release = grant,
): Promise<FakeCastle> {
  const socket = join(folder, 'castle.sock');
  const listen = (server: Server): unknown => server.listen(socket);
  const { server, ...heard } = await listening(t, createServer(), answer, release, listen);
  return { url: `unix://${socket}`, ...heard };
}

/** A certificate that signed itself, and its key; files in PEM. */
export interface Certificate {
  readonly file: string;
  readonly keyFile: string;
}

/**
 * Makes a certificate with openssl(1).
 * @param names as its subjectAltName has them, `DNS:castle.example` or `IP:::1`
 * @param days how long it is good, from now; -1: it was good once
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
    const again = ['x509', '-in', certificate.file, '-signkey', certificate.keyFile, '-days', String(days)];
    const signed = spawnSync('openssl', [...again, '-out', certificate.file]);
    if (signed.status !== 0) throw new Error(`openssl: ${signed.stderr}`);
  }
  return certificate;
}

/** Listens over TLS on a port of ::1 and 127.0.0.1 until the test has ended; its URL names the second. */
export async function startFakeTlsCastle(
  t: Test,
  { file, keyFile }: Certificate,
  answer: Answering,
): Promise<FakeCastle> {
  const tls = createTlsServer({ cert: readFileSync(file), key: readFileSync(keyFile) });
  const { server, ...heard } = await listening(t, tls, answer, grant, (server) => server.listen(0, '::'));
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ...heard };
}

async function listening(
  t: Test,
  server: Server,
  answer: Answering,
  release: Answering,
  listen: (server: Server) => unknown,
): Promise<{ server: Server; asked: string[]; authorizations: (string | undefined)[] }> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`);
    authorizations.push(request.headers.authorization);
    request.resume();
    if (request.method === 'POST') answer(response, asked.length);
    else release(response, asked.length);
  });
  listen(server);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, asked, authorizations };
}

/** Says that another container has the volume. */
export const refuseInUse = (response: ServerResponse): void =>
  answerJson(response, 409, {
    error: { code: 'volume_in_use', message: 'volume v is in use by container other', remedy: 'stop it' },
  });

/**
 * Gives a lease on what is at `target` already: the client compares mount ids, and finds this one.
 * @param status 200: the container has it already
 */
export const giveLease = (response: ServerResponse, target: string, status: 200 | 201 = 201): void =>
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

/** Any other answer. */
export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
