import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Test } from 'tap';
import { mountIdOf } from '../../../src/container/mount-id.ts';

/** A castle that does what a test tells it to: for what a real one does only in unlucky moments. */
export interface FakeCastle {
  readonly url: string;
  /** Method and path of what was asked, in order. */
  readonly asked: string[];
}

/**
 * Listens on a unix socket in `folder` until the test has ended.
 * @param answer called for every POST /v1/leases; releases are granted without asking
 */
export async function startFakeCastle(
  t: Test,
  folder: string,
  answer: (response: ServerResponse, asked: number) => void,
): Promise<FakeCastle> {
  const socket = join(folder, 'castle.sock');
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.method === 'POST') answer(response, asked.length);
    else response.writeHead(204).end();
  });
  await new Promise<void>((listening) => server.listen(socket, listening));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `unix://${socket}`, asked };
}

/** Says that another container has the volume. */
export const refuseInUse = (response: ServerResponse): void =>
  answerJson(response, 409, {
    error: { code: 'volume_in_use', sentence: 'volume v is in use by container other', remedy: 'stop it' },
  });

/** Gives a lease on what is at `target` already: the client compares mount ids, and finds this one. */
export const giveLease = (response: ServerResponse, target: string): void =>
  answerJson(response, 201, {
    id: 'lease-1',
    volume: 'v',
    container: 'c',
    containerName: 'c',
    target,
    state: 'mounted',
    mountId: mountIdOf(target),
    since: new Date().toISOString(),
  });

function answerJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
