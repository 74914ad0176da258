import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** The response of a server. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface GetOptions {
  /** Time limit for the whole response, in milliseconds. */
  readonly withinMs: number;
  /** Limit for the body, in bytes; a longer body is an error. */
  readonly maxBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Certificates to trust in addition to Node's own, PEM. */
  readonly ca?: string;
  /** Whether any certificate is accepted, as agent.jar does with -noCertificateCheck. */
  readonly anyCertificate?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Connect timeout for each address of a host with several addresses, in milliseconds. Node's default of 250 is too short
 * for a host on another continent.
 */
export const connectAttemptMs = 2_500;

/**
 * Makes one GET request; redirects are not followed. Node's HTTP modules are loaded here, so that a start without requests
 * does not load them.
 * @throws Node's error when there is no response (`code` ENOTFOUND, ECONNREFUSED, CERT_HAS_EXPIRED, …), ETIMEDOUT after
 *   the time limit, EMSGSIZE for a longer body; the signal's reason
 */
export async function httpGet(url: URL, options: GetOptions): Promise<HttpReply> {
  const { withinMs, maxBytes, headers = {}, ca, anyCertificate = false, signal } = options;
  signal?.throwIfAborted();
  const http = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const trust =
    url.protocol === 'https:'
      ? { ca: await trustedCertificates(ca), rejectUnauthorized: !anyCertificate }
      : {};
  return new Promise((resolve, reject) => {
    const family = { autoSelectFamilyAttemptTimeout: connectAttemptMs };
    const request = http.request(url, { agent: false, headers, ...family, ...trust }, (response) => {
      readBody(response, maxBytes).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        (thrown) => {
          request.destroy();
          reject(thrown);
        },
      );
    });
    const abort = (): void => void request.destroy(signal?.reason);
    // The socket's timeout is not used, because it restarts with every byte.
    const timer = setTimeout(
      () =>
        request.destroy(errorWithCode('ETIMEDOUT', `no whole answer within ${Math.ceil(withinMs / 1000)} s`)),
      withinMs,
    );
    signal?.addEventListener('abort', abort, { once: true });
    request.on('error', reject);
    request.on('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
    request.end();
  });
}

async function trustedCertificates(ca: string | undefined): Promise<string[] | undefined> {
  if (ca === undefined) return undefined; // Node's own, including NODE_EXTRA_CA_CERTS
  const { rootCertificates } = await import('node:tls');
  return [...rootCertificates, ca];
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > maxBytes) throw errorWithCode('EMSGSIZE', `the answer is longer than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const errorWithCode = (code: string, message: string): Error => Object.assign(new Error(message), { code });
