import type { IncomingMessage, RequestOptions } from 'node:http';
import { hostOf, portOf } from './address.ts';
import type { CastleAddress } from './castle-url.ts';

/** A castle's answer. */
export interface Answer {
  readonly status: number;
  /** The parsed JSON body; undefined when there is none or it isn't JSON. */
  readonly body: unknown;
}

/** Sends one request. Without an answer it rejects with Node's own error (`code` ECONNREFUSED, ENOENT, …). */
export type Call = (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  options?: CallOptions,
) => Promise<Answer>;

export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: object;
  /** How long the whole answer may take, in milliseconds. Default: 20 s, twice the castle's time limit for a mount. */
  readonly withinMs?: number;
  /** How large the answer may be, in bytes. Default: 1 MiB, more than any answer to a container. */
  readonly longestBytes?: number;
  /** Closes the connection when it is aborted. */
  readonly signal?: AbortSignal;
}

/** The credentials of a caller over TLS. Over a unix socket, the kernel identifies the caller. */
export interface Credentials {
  readonly token?: string;
  readonly ca?: string;
  /** The client certificate, for a castle that requires one, and its key. */
  readonly cert?: string;
  readonly key?: string;
}

const mebibyte = 1024 * 1024;

/**
 * Creates the function that sends requests to one castle, without keep-alive: a container sends only one or two requests.
 * Node's HTTP modules are loaded here and not at start, because a container without a castle does not need them.
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
      // The socket's timeout is not used, because it restarts with every byte.
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
