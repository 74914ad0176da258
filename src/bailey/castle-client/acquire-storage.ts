import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountIdOf } from '../../linux/mount-id.ts';
import { parseCastleUrl } from '../../protocol/castle-url.ts';
import type { Lease } from '../../protocol/contract.ts';
import { type Call, type Credentials, connectTo } from '../../protocol/http.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import { pause } from '../launch/abortable-sleep.ts';
import { backoffMs } from '../launch/backoff.ts';
import { throttledLog } from '../launch/throttled-log.ts';
import {
  type GrantedLease,
  type LeaseOutcome,
  parseLease,
  readConnectionError,
  readResponse,
} from './lease-outcome.ts';

/** A request for a volume. */
export interface StorageRequest {
  /** `unix:///run/castle/castle.sock` or `https://host:port` */
  readonly url: string;
  readonly volume: string;
  /** Mount point, the absolute path of an existing directory. */
  readonly target: string;
  /** How long to retry, in milliseconds. */
  readonly deadlineMs: number;
  /** https: a file with the token of this container. */
  readonly tokenFile?: string;
  /** https: a file with the certificates to trust instead of the system's. */
  readonly caFile?: string;
  /** https: files with the client certificate of this container and its key, for a castle that requires one. */
  readonly clientCertificate?: { readonly certFile: string; readonly keyFile: string };
}

/** A volume that is verified to be mounted on the target. */
export interface Storage {
  readonly lease: Lease;
  /**
   * Releases the lease: the castle unmounts the volume. Does nothing if another program of this container held the lease
   * before, since that program still uses the volume. Takes a few seconds at most and never throws; the castle releases
   * the lease when the container ends anyway.
   */
  release(): Promise<void>;
}

/**
 * How long one response may take, in milliseconds: the time until the deadline, within these bounds. The minimum gives a
 * request just before the deadline a chance.
 */
const responseTimeoutMs = { min: 5_000, max: 20_000 };
/** After an abort, how long to wait for the response to a running request, so that its lease can be released. */
const abortGraceMs = 5_000;
/** How long releasing a lease may take in all; the castle releases it when this container ends anyway. */
const releaseTimeoutMs = 5_000;
/** The longest time that a castle queues a request, in seconds. */
const maxWaitSeconds = 3600;

/**
 * Requests a volume from the castle and returns when it is mounted on the target.
 * @param logLine writes one line of progress
 * @param signal aborts the request; a lease granted by then is released before the promise rejects with the signal's
 *   reason
 * @throws Failure 69 castle not reachable, 75 volume still in use at the deadline, 77 permission denied, 78 wrong setting
 */
export async function acquireStorage(
  request: StorageRequest,
  logLine: (line: string) => void,
  signal: AbortSignal,
): Promise<Storage> {
  signal.throwIfAborted();
  const call = await connectTo(parseCastleUrl(request.url), () => readCredentials(request));
  const granted = await requestUntilGranted(request, call, logLine, signal);
  const storage: Storage = { lease: granted.lease, release: () => releaseLease(call, granted, logLine) };
  try {
    signal.throwIfAborted();
    verifyMounted(request, granted.lease);
  } catch (thrown) {
    await storage.release();
    signal.throwIfAborted();
    throw thrown;
  }
  return storage;
}

/**
 * Retries with growing pauses until the lease is granted, the castle refuses permanently, the deadline passes or the signal
 * is aborted. For a volume in use the request waits in the castle's queue, which is first come, first served.
 */
async function requestUntilGranted(
  request: StorageRequest,
  call: Call,
  logLine: (line: string) => void,
  signal: AbortSignal,
): Promise<GrantedLease> {
  const deadline = performance.now() + request.deadlineMs;
  const abort = whenAborted(signal);
  const logThrottled = throttledLog(logLine);
  let canQueue = true;
  let waitSeconds = 0;
  for (let attempt = 0; ; attempt++) {
    const outcome = await requestOnce(request, call, { deadline, waitSeconds, logLine, abort });
    if (outcome === 'aborted') throw signal.reason;
    if (outcome.kind === 'granted') return outcome;
    const wasQueued = waitSeconds > 0;
    waitSeconds = 0;
    if (outcome.kind === 'final') {
      if (!(wasQueued && outcome.code === 'bad_request')) throw outcome.failure;
      canQueue = false; // An older castle without a queue rejects the unknown field.
      continue;
    }
    const remainingMs = deadline - performance.now();
    if (remainingMs <= 0) throw deadlineFailure(request, outcome.failure);
    const reason = outcome.failure.sentence;
    logThrottled(reason, `waiting for storage, at most ${Math.ceil(remainingMs / 1000)} s more: ${reason}`);
    if (canQueue && !wasQueued && outcome.code === 'volume_in_use') {
      waitSeconds = Math.min(Math.floor(remainingMs / 1000), maxWaitSeconds);
      if (waitSeconds > 0) continue;
    }
    // Never sleeps past the deadline: the last attempt is made at the deadline itself.
    await pause(Math.min(backoffMs(attempt, Math.random()), remainingMs), signal);
  }
}

/** The parameters of one request. */
interface RequestContext {
  /** Deadline in milliseconds of performance.now(). */
  readonly deadline: number;
  /** How long the request may wait in the castle's queue, in seconds; 0: no waiting. */
  readonly waitSeconds: number;
  readonly logLine: (line: string) => void;
  readonly abort: Promise<'aborted'>;
}

/** Makes one request. After an abort it still waits for the response for a moment: a granted lease must be released. */
async function requestOnce(
  request: StorageRequest,
  call: Call,
  { deadline, waitSeconds, logLine, abort }: RequestContext,
): Promise<LeaseOutcome | 'aborted'> {
  const { volume, target } = request;
  const cancel = new AbortController();
  const startedAt = Date.now();
  const remainingMs = deadline - performance.now();
  const answerMs = Math.max(responseTimeoutMs.min, Math.min(remainingMs, responseTimeoutMs.max));
  const response: Promise<LeaseOutcome> = call('POST', '/v1/leases', {
    body: { volume, target, ...(waitSeconds === 0 ? {} : { waitSeconds }) },
    withinMs: waitSeconds === 0 ? answerMs : waitSeconds * 1000 + responseTimeoutMs.max,
    signal: cancel.signal,
  }).then(
    (answer) => readResponse(request.url, answer),
    (thrown: unknown) => readConnectionError(request.url, thrown),
  );
  const first = await Promise.race([response, abort]);
  if (first !== 'aborted') return first;
  if (waitSeconds > 0) {
    // Closing the connection leaves the queue. The lease may have been granted just before.
    cancel.abort();
    await releaseLeasesSince(request, call, startedAt, logLine);
    return 'aborted';
  }
  const late = await Promise.race([response, sleep(abortGraceMs, undefined, { ref: false })]);
  if (late?.kind === 'granted') await releaseLease(call, late, logLine);
  return 'aborted';
}

/** Releases leases granted by a request whose response was not received. @param since milliseconds since 1970 */
async function releaseLeasesSince(
  { volume, target }: StorageRequest,
  call: Call,
  since: number,
  logLine: (line: string) => void,
): Promise<void> {
  const answer = await call('GET', '/v1/leases', { withinMs: releaseTimeoutMs }).catch(() => undefined);
  const leases: unknown[] = Array.isArray(answer?.body) ? answer.body : [];
  for (const lease of leases.map(parseLease)) {
    const isOurs = lease?.volume === volume && lease.target === target && Date.parse(lease.since) >= since;
    if (lease !== undefined && isOurs)
      await releaseLease(call, { kind: 'granted', lease, isNew: true }, logLine);
  }
}

function whenAborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('aborted');
    else signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}

function deadlineFailure(request: StorageRequest, last: Failure): Failure {
  const waited =
    request.deadlineMs === 0
      ? 'and CASTLE_TIMEOUT 0 allows no second try'
      : `and that has not changed within ${request.deadlineMs / 1000} s (CASTLE_TIMEOUT)`;
  return new Failure(last.kind, `${last.sentence}, ${waited}`, last.remedy);
}

/**
 * Verifies by mount id that the volume is mounted on the target. Without the mount, the program would write into the
 * container's own file system, and its data would be lost with the container.
 */
function verifyMounted(request: StorageRequest, lease: Lease): void {
  let found: number;
  try {
    found = mountIdOf(request.target);
  } catch (thrown) {
    const reason = errorCode(thrown) ?? errorMessage(thrown);
    throw new Failure(
      'io',
      `cannot determine whether ${request.target} is mounted: ${reason}`,
      'mount /proc in the container',
    );
  }
  if (found === lease.mountId) return;
  throw new Failure(
    'unavailable',
    `the castle mounted volume ${request.volume}, but ${request.target} leads to mount ${found} instead of ${lease.mountId}`,
    'start the container without its own mount over that folder, and bailey in the first mount namespace of the container',
  );
}

async function releaseLease(
  call: Call,
  { lease, isNew }: GrantedLease,
  logLine: (line: string) => void,
): Promise<void> {
  if (!isNew) return;
  const deadline = performance.now() + releaseTimeoutMs;
  for (let attempt = 0; performance.now() < deadline; attempt++) {
    const withinMs = deadline - performance.now();
    try {
      const answer = await call('DELETE', `/v1/leases/${encodeURIComponent(lease.id)}`, { withinMs });
      if (answer.status < 300 || answer.status === 404) return;
    } catch {
      // The castle may be restarting.
    }
    await sleep(Math.min(backoffMs(attempt, Math.random()), Math.max(0, deadline - performance.now())));
  }
  logLine(
    `volume ${lease.volume} could not be released; the castle releases it when this container has ended`,
  );
}

function readCredentials(request: StorageRequest): Credentials {
  return {
    ...(request.tokenFile === undefined ? {} : { token: readToken(request.tokenFile) }),
    ...(request.caFile === undefined ? {} : { ca: readSettingFile('CASTLE_CA_FILE', request.caFile) }),
    ...(request.clientCertificate === undefined
      ? {}
      : {
          cert: readSettingFile('CASTLE_CERT_FILE', request.clientCertificate.certFile),
          key: readSettingFile('CASTLE_KEY_FILE', request.clientCertificate.keyFile),
        }),
  };
}

function readToken(file: string): string {
  const token = readSettingFile('CASTLE_TOKEN_FILE', file).trim();
  // Characters allowed in an HTTP header. The message does not show the token.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Failure(
    'config',
    `CASTLE_TOKEN_FILE ${file} ${token === '' ? 'is empty' : 'is not one word of plain ASCII'}`,
    'write only the token of this container to that file',
  );
}

function readSettingFile(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    // The token may be created after the container has started: retry.
    if (name === 'CASTLE_TOKEN_FILE' && errorCode(thrown) === 'ENOENT') {
      throw new Failure(
        'tryAgain',
        `${name} ${file} does not exist`,
        'create it on the host: castle token --container … --volume … --out …',
      );
    }
    throw new Failure(
      'config',
      `${name} ${file} cannot be read: ${errorCode(thrown) ?? errorMessage(thrown)}`,
    );
  }
}
