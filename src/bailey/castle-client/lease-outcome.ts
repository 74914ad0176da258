import type { Lease, RefusalCode } from '../../protocol/contract.ts';
import type { Answer } from '../../protocol/http.ts';
import { errorCode, errorMessage, Failure, type FailureKind } from '../../terminal/failure.ts';

/** A lease, and whether this request created it; if not, another program of this container already held it. */
export interface GrantedLease {
  readonly kind: 'granted';
  readonly lease: Lease;
  readonly isNew: boolean;
}

/** The result of one request. */
export type LeaseOutcome =
  | GrantedLease
  /** The request failed but may succeed later. If the deadline has passed, this failure is reported. */
  | { readonly kind: 'retry'; readonly failure: Failure; readonly code?: RefusalCode }
  | { readonly kind: 'final'; readonly failure: Failure; readonly code?: RefusalCode };

/** For each refusal of the castle: whether to retry, and which exit code it leads to. */
const refusals: Record<RefusalCode, { readonly retry: boolean; readonly failure: FailureKind }> = {
  bad_request: { retry: false, failure: 'config' },
  bad_volume_name: { retry: false, failure: 'config' },
  bad_target: { retry: false, failure: 'config' },
  not_permitted: { retry: false, failure: 'noPermission' },
  not_found: { retry: false, failure: 'config' },
  volume_in_use: { retry: true, failure: 'tryAgain' },
  busy: { retry: true, failure: 'tryAgain' },
  backend_failed: { retry: true, failure: 'unavailable' },
  internal: { retry: true, failure: 'unavailable' },
};

/** Interprets the response to POST /v1/leases. */
export function readResponse(url: string, answer: Answer): LeaseOutcome {
  const lease = parseLease(answer.body);
  if (lease !== undefined && answer.status < 300)
    return { kind: 'granted', lease, isNew: answer.status === 201 };
  const refusal = parseRefusal(answer.body);
  if (refusal === undefined) {
    const sentence = `the server at CASTLE_URL ${url} is not a castle (HTTP status ${answer.status})`;
    // A proxy in front of a stopped castle answers 502 or 503.
    return answer.status >= 500
      ? {
          kind: 'retry',
          failure: new Failure('unavailable', sentence, 'check that the castle behind it runs'),
        }
      : { kind: 'final', failure: new Failure('config', sentence, 'check the address') };
  }
  const rule = refusals[refusal.code];
  const failure = new Failure(rule.failure, refusal.message, refusal.remedy);
  return { kind: rule.retry ? 'retry' : 'final', failure, code: refusal.code };
}

/** Interprets the error of a request without a response. */
export function readConnectionError(url: string, thrown: unknown): LeaseOutcome {
  if (thrown instanceof Failure)
    return { kind: thrown.kind === 'tryAgain' ? 'retry' : 'final', failure: thrown };
  const code = errorCode(thrown);
  if (code === 'EACCES' || code === 'EPERM') {
    const failure = new Failure(
      'noPermission',
      `the castle's socket ${url} may not be opened by uid ${process.getuid?.() ?? '?'}`,
      'mount the folder of the socket into the container and check its mode on the host',
    );
    return { kind: 'final', failure };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const failure = new Failure(
      'config',
      `the certificate of the castle at ${url} is for another name: ${errorMessage(thrown)}`,
      'put a name of the certificate into CASTLE_URL',
    );
    return { kind: 'final', failure };
  }
  if (code !== undefined && /^(ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_)/.test(code)) {
    const failure = new Failure(
      'config',
      `the castle at ${url} cannot be trusted: ${errorMessage(thrown)}`,
      'set CASTLE_CA_FILE to the certificate that signed its own',
    );
    return { kind: 'final', failure };
  }
  const reason = code === undefined ? errorMessage(thrown) : (unreachable[code] ?? code);
  const failure = new Failure(
    'unavailable',
    `no castle at ${url}: ${reason}`,
    'start it with castle serve, or correct CASTLE_URL',
  );
  return { kind: 'retry', failure };
}

const unreachable: Record<string, string> = {
  ENOENT: 'the socket does not exist',
  ECONNREFUSED: 'no program listens there',
  ECONNRESET: 'it closed the connection',
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ENOTSOCK: 'it is not a socket',
  EPROTO: 'the server there does not use TLS',
};

/** Returns the lease in a response body; undefined for anything else. */
export function parseLease(body: unknown): Lease | undefined {
  if (!isRecord(body)) return undefined;
  const { id, volume, target, mountId } = body;
  const isLease =
    typeof id === 'string' &&
    typeof volume === 'string' &&
    typeof target === 'string' &&
    Number.isInteger(mountId);
  return isLease ? (body as Lease) : undefined;
}

function parseRefusal(
  body: unknown,
): { readonly code: RefusalCode; readonly message: string; readonly remedy: string } | undefined {
  if (!isRecord(body) || !isRecord(body['error'])) return undefined;
  const { code, message, remedy } = body['error'];
  if (typeof code !== 'string' || typeof message !== 'string' || typeof remedy !== 'string') return undefined;
  return { code: Object.hasOwn(refusals, code) ? (code as RefusalCode) : 'internal', message, remedy };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
