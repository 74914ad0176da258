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

/** What `bailey` needs to know to ask a castle for storage. */
export interface StorageRequest {
  /** `unix:///run/castle/castle.sock` or `https://host:port` */
  readonly url: string;
  readonly volume: string;
  /** Mount point, an absolute path of an existing folder. */
  readonly target: string;
  /** How long to go on trying, in milliseconds. */
  readonly deadlineMs: number;
  /** https: a file with the token of this container. */
  readonly tokenFile?: string;
  /** https: a file with the certificates to trust instead of the system's. */
  readonly caFile?: string;
  /** https: files with a certificate of this container's own and its key, for a castle that asks for one. */
  readonly clientCertificate?: { readonly certFile: string; readonly keyFile: string };
}

/** Storage that is there: verified to be mounted on the target. */
export interface Storage {
  readonly lease: Lease;
  /**
   * Gives the storage back: unmounts it and ends the lease. Not when another program of this container had it before
   * us: its data would vanish under it. Takes a few seconds at most and never throws; the castle notices the
   * container's end anyway.
   */
  release(): Promise<void>;
}

/**
 * How long one answer may take, in milliseconds: what is left until the deadline, within these bounds. One asked in
 * the last moment gets a chance.
 */
const responseTimeoutMs = { least: 5_000, most: 20_000 };
/** How long a call under way at an abort may still take, so that what it brings can be given back. */
const abortGraceMs = 5_000;
/** How long giving back may take in all: the castle finds out by itself when this container has ended. */
const releaseTimeoutMs = 5_000;
/** The longest that a castle lets anybody wait, in seconds. */
const maxWaitSeconds = 3600;

/**
 * Asks the castle for storage and returns when it is mounted on the target.
 * @param say prints one line of progress
 * @param signal aborts the waiting; what was given by then is given back before the promise rejects with the
 *   signal's reason
 * @throws Failure 69 castle not reachable, 75 volume still in use at the deadline, 77 refused, 78 wrong setting
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
 * Asks again and again, with growing pauses, until there is a lease, a final no, the deadline or an abort. A volume that
 * somebody has is waited for in the castle's line, where who came first is served first, as soon as it is free.
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
      canQueue = false; // A castle from before there was a line: what it doesn't know it refuses.
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
    // The pause may end at the deadline but never skips it: the last try is made just then.
    await pause(Math.min(backoffMs(attempt, Math.random()), remainingMs), signal);
  }
}

/** How one call is made. */
interface RequestContext {
  /** The deadline, by performance.now(). */
  readonly deadline: number;
  /** How long the castle may let us wait; 0: not at all. */
  readonly waitSeconds: number;
  readonly logLine: (line: string) => void;
  readonly abort: Promise<'aborted'>;
}

/** One call. An abort doesn't cut off one that may be mounting: what it gives has to be given back. */
async function requestOnce(
  request: StorageRequest,
  call: Call,
  { deadline, waitSeconds, logLine, abort }: RequestContext,
): Promise<LeaseOutcome | 'aborted'> {
  const { volume, target } = request;
  const cancel = new AbortController();
  const startedAt = Date.now();
  const remainingMs = deadline - performance.now();
  const answerMs = Math.max(responseTimeoutMs.least, Math.min(remainingMs, responseTimeoutMs.most));
  const response: Promise<LeaseOutcome> = call('POST', '/v1/leases', {
    body: { volume, target, ...(waitSeconds === 0 ? {} : { waitSeconds }) },
    withinMs: waitSeconds === 0 ? answerMs : waitSeconds * 1000 + responseTimeoutMs.most,
    signal: cancel.signal,
  }).then(
    (answer) => readResponse(request.url, answer),
    (thrown: unknown) => readConnectionError(request.url, thrown),
  );
  const first = await Promise.race([response, abort]);
  if (first !== 'aborted') return first;
  if (waitSeconds > 0) {
    // Who hangs up leaves the line. It may have been its turn just then.
    cancel.abort();
    await releaseLeasesSince(request, call, startedAt, logLine);
    return 'aborted';
  }
  const late = await Promise.race([response, sleep(abortGraceMs, undefined, { ref: false })]);
  if (late?.kind === 'granted') await releaseLease(call, late, logLine);
  return 'aborted';
}

/** Gives back what a call brought of which the answer was not waited for. @param since milliseconds since 1970 */
async function releaseLeasesSince(
  { volume, target }: StorageRequest,
  call: Call,
  since: number,
  logLine: (line: string) => void,
): Promise<void> {
  const answer = await call('GET', '/v1/leases', { withinMs: releaseTimeoutMs }).catch(() => undefined);
  const clientCertificate: unknown[] = Array.isArray(answer?.body) ? answer.body : [];
  for (const lease of clientCertificate.map(parseLease)) {
    const isIt = lease?.volume === volume && lease.target === target && Date.parse(lease.since) >= since;
    if (lease !== undefined && isIt)
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
 * The castle's word is not enough: a program that writes below a mount point whose mount failed loses its data with
 * the container. The path must lead to the very mount that the castle made.
 */
function verifyMounted(request: StorageRequest, lease: Lease): void {
  let found: number;
  try {
    found = mountIdOf(request.target);
  } catch (thrown) {
    const why = errorCode(thrown) ?? errorMessage(thrown);
    throw new Failure(
      'io',
      `whether ${request.target} is mounted cannot be told: ${why}`,
      'the container needs /proc',
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
    `volume ${lease.volume} could not be given back; the castle takes it when this container has ended`,
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
  // What a header can carry; the token itself is shown to nobody.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Failure(
    'config',
    `CASTLE_TOKEN_FILE ${file} ${token === '' ? 'is empty' : 'is not one word of plain ASCII'}`,
    'put the token of this container there, and nothing else',
  );
}

function readSettingFile(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    // A token is for a container that is there: it may come when the container runs already.
    if (name === 'CASTLE_TOKEN_FILE' && errorCode(thrown) === 'ENOENT') {
      throw new Failure(
        'tryAgain',
        `${name} ${file} is not there`,
        'make it on the host: castle token --container … --volume … --out …',
      );
    }
    throw new Failure(
      'config',
      `${name} ${file} cannot be read: ${errorCode(thrown) ?? errorMessage(thrown)}`,
    );
  }
}
