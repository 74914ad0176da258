import { closeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Native } from '../../linux/native-addon.ts';
import { freeSocket, listen } from '../../linux/unix-socket.ts';
import { errorMessage } from '../../terminal/failure.ts';
import { descriptorOf } from '../api/connections.ts';
import type { EmitEvent } from '../events/event.ts';
import { type Connection, holdPeer } from '../identity/caller.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Answer, Call, Driver } from './driver.ts';

/** The media type of answers in the plug-in protocol. */
const mediaType = 'application/vnd.docker.plugins.v1.2+json';
/** The largest size of a call, in characters. */
const longestBody = 64 * 1024;
/** Only root may connect. */
const rootOnly = 0o177;
/** How long running calls may take when the castle stops, in milliseconds: longer than a mount. */
const lastAnswersMs = 15_000;

export interface PluginListener {
  /** Removes the socket, waits for running calls, for a limited time, and closes every connection. */
  stop(): Promise<void>;
}

/**
 * Serves a volume driver on a socket in the folder where engines search for plug-ins.
 * @param emit receives unexpected errors, and refusals of mounts
 * @throws Failure noPermission, cannotCreate, tryAgain when another castle listens there
 */
export async function servePlugin(
  path: string,
  driver: Driver,
  native: Native,
  emit: EmitEvent,
): Promise<PluginListener> {
  const engines = new WeakMap<Socket, Connection>();
  const server = createServer((request, response) => {
    void handle(request, response).catch((thrown: unknown) => {
      emit(`unexpected error: ${errorMessage(thrown)}`, { event: 'castle.fault' });
      response.destroy();
    });
  });
  server.keepAliveTimeout = 0; // an engine could send a call on a connection that is being closed
  server.on('connection', (socket: Socket) => {
    const engine = hold(socket);
    if (engine === undefined) {
      socket.destroy();
      return;
    }
    engines.set(socket, engine);
    socket.once('close', () => engine.close());
  });

  /** Identifies the peer. The mode of the socket admits only root; this checks the peer's credentials as well. */
  function hold(socket: Socket): Connection | undefined {
    const fd = descriptorOf(socket);
    if (fd === undefined) return undefined;
    try {
      const engine = holdPeer(native, fd, closeSync);
      if (engine.peer.uid === 0 || engine.peer.uid === process.getuid?.()) return engine;
      engine.close();
    } catch {
      // The peer has ended already.
    }
    return undefined;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.url ?? '';
    const handler = Object.hasOwn(driver, method) ? driver[method] : undefined;
    const engine = engines.get(request.socket);
    if (request.method !== 'POST' || handler === undefined || engine === undefined) {
      answer(response, 404, { Err: `the castle does not serve ${request.method} ${method}` });
      return;
    }
    try {
      answer(response, 200, { ...(await handler(await readCall(request), engine.peer)), Err: '' });
    } catch (thrown) {
      if (!(thrown instanceof RefusalError)) {
        emit(`unexpected error: ${errorMessage(thrown)}`, { event: 'castle.fault' });
      } else if (method === '/VolumeDriver.Mount') {
        const { sentence, code, remedy } = thrown;
        emit(sentence, { event: 'lease.refused', code, remedy });
      }
      answer(response, 500, { Err: errorMessage(thrown) });
    }
  }

  await freeSocket(path, '--plugin');
  await listen(server, path, rootOnly, '--plugin');
  return {
    async stop() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.race([closed, sleep(lastAnswersMs, undefined, { ref: false })]);
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, status: number, body: Answer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': mediaType, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** @throws RefusalError bad_request */
async function readCall(request: IncomingMessage): Promise<Call> {
  let text = '';
  request.setEncoding('utf8');
  for await (const part of request as AsyncIterable<string>) {
    text += part;
    if (text.length > longestBody) throw wrong(`it has more than ${longestBody} characters`);
  }
  if (text === '') return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (thrown) {
    throw wrong(errorMessage(thrown));
  }
  // An engine sends null for a call without fields.
  if (body === null) return {};
  if (typeof body !== 'object') throw wrong('it is not a JSON object');
  return body;
}

const wrong = (why: string): RefusalError =>
  new RefusalError('bad_request', `the call is invalid: ${why}`, "follow Docker's volume plug-in protocol");
