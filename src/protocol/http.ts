import type { IncomingMessage, RequestOptions } from 'node:http';
import { hostOf, portOf } from './address.ts';
import type { CastleAddress } from './castle-url.ts';

/** What a castle answered. */
export interface Answer {
  readonly status: number;
  /** The parsed JSON body; undefined when there is none or it isn't JSON. */
  readonly body: unknown;
}

/** One call; everything that isn't an answer rejects with Node's own error (`code` ECONNREFUSED, ENOENT, …). */
export type Call = (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  options?: CallOptions,
) => Promise<Answer>;

export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: object;
  /** The whole answer has to be there by then; 20 s unless told, twice what the castle itself gives a mount. */
  readonly withinMs?: number;
  /** How long the answer may be, in bytes; 1 MiB unless told: a container asks for nothing that is longer. */
  readonly longestBytes?: number;
  /** Hangs up when it is aborted. */
  readonly signal?: AbortSignal;
}

/** How a call proves who it is from: over a unix socket the kernel says it, over TLS a token does. */
export interface Credentials {
  readonly token?: string;
  readonly ca?: string;
  /** A certificate of the caller's own, for a castle that asks for one, and its key. */
  readonly cert?: string;
  readonly key?: string;
}

const mebibyte = 1024 * 1024;

/**
 * Makes the function that talks to one castle. No keep-alive: a container asks once or twice in its life.
 * Node's HTTP modules are loaded here and not at start: a container without a castle doesn't pay for them.
 */
export async function connectTo(address: CastleAddress, credentials: () => Credentials): Promise<Call> {
  const http = address.kind === 'unix' ? await import('node:http') : await import('node:https');
  return (method, path, { body, withinMs = 20_000, longestBytes = mebibyte, signal } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const { token, ...tls } = credentials();
      const options: RequestOptions & Omit<Credentials, 'token'> = {
        method,
        path,
        agent: false,
        headers: {
          accept: 'application/json',
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(signal === undefined ? {} : { signal }),
        ...tls,
        ...whereTo(address),
      };
      const request = http.request(options, (response) => {
        readBody(response, longestBytes).then(
          (received) => resolve({ status: response.statusCode ?? 0, body: parseJson(received) }),
          reject,
        );
      });
      // Not the socket's own timeout, which starts again with every byte.
      const late = setTimeout(
        () => request.destroy(new Error(`no whole answer within ${Math.ceil(withinMs / 1000)} s`)),
        withinMs,
      );
      request.on('close', () => clearTimeout(late));
      request.on('error', reject);
      request.end(text);
    });
}

function whereTo(address: CastleAddress): RequestOptions {
  if (address.kind === 'unix') return { socketPath: address.socketPath, host: 'castle' };
  const url = new URL(address.origin);
  return { host: hostOf(url), port: portOf(url) };
}

async function readBody(response: IncomingMessage, longestBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > longestBytes) throw new Error(`the answer is larger than ${longestBytes / mebibyte} MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
