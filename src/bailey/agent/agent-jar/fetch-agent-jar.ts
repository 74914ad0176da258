import { hostOf, portOf } from '../../../protocol/address.ts';
import { errorCode, Failure } from '../../../terminal/failure.ts';
import { shownUrl } from '../preflight/check-controller.ts';
import type { ControllerTarget } from '../preflight/controller-target.ts';
import { type FinalReply, getWithRedirects } from '../preflight/get-with-redirects.ts';
import { isCertificateError, networkFailure } from '../preflight/network-failure.ts';
import { retryUntilReady, type WaitOptions } from '../preflight/retry-until-ready.ts';
import { type CachedJar, cacheJar, findCachedJar } from './jar-cache.ts';

type Controller = Extract<ControllerTarget, { kind: 'controller' }>;

/** agent.jar has about 1.5 MB. */
const maxBytes = 64 * 1024 * 1024;

/**
 * Fetches the controller's own agent.jar, unless the cached one is still current. The agent executes the fetched jar. This
 * needs no additional trust, because the controller runs its builds on the agent anyway. Over http:// an attacker on the
 * network can replace the jar, and can also impersonate the controller to agent.jar. Over https:// nothing is fetched unless
 * the certificate is trusted.
 * @param folder from findCacheFolder
 * @returns the jar's path
 * @throws Failure 69 or 75 at the deadline, 78 for a certificate that isn't trusted, 73, 74 or 77 when it cannot be
 *   written; the signal's reason
 */
export async function fetchAgentJar(target: Controller, folder: string, wait: WaitOptions): Promise<string> {
  return retryUntilReady(async (withinMs) => {
    let first: Failure | undefined;
    for (const url of target.urls) {
      const got = await fetchFrom(url, target, folder, withinMs, wait);
      if (typeof got === 'string') return got;
      first ??= got;
    }
    return first ?? new Failure('usage', '-url is missing, so agent.jar cannot be fetched');
  }, wait);
}

async function fetchFrom(
  url: URL,
  target: Controller,
  folder: string,
  withinMs: number,
  { logLine, signal }: WaitOptions,
): Promise<string | Failure> {
  const at = new URL('jnlpJars/agent.jar', url);
  const cached = findCachedJar(folder, at);
  const headers = { ...target.headers, ...conditionalHeaders(cached) };
  let answer: FinalReply;
  try {
    answer = await getWithRedirects(at, { withinMs, maxBytes, headers, ...target.trust, signal });
  } catch (thrown) {
    signal.throwIfAborted();
    if (isCertificateError(thrown)) throw untrustedFailure(url, thrown);
    if (cached !== undefined) return cached.jar; // the last version that was fetched
    if (errorCode(thrown) === 'EMSGSIZE') return notJarFailure(at, 'it is too long');
    return networkFailure('-url', hostOf(url), portOf(url), thrown);
  }
  if (answer.status === 304 && cached !== undefined) return cached.jar;
  if (answer.status !== 200)
    return cached?.jar ?? notJarFailure(at, `HTTP status ${answer.status}`, answer.status);
  const { etag, 'last-modified': lastModified } = answer.headers;
  const jar = await cacheJar(folder, at, answer.body, { etag, lastModified });
  if (jar === undefined) return notJarFailure(at, 'it is not a jar that java can run');
  if (jar !== cached?.jar) logLine(`agent.jar was fetched from ${shownUrl(url)} into ${jar}`);
  return jar;
}

const conditionalHeaders = (cached: CachedJar | undefined): Record<string, string> => ({
  ...(cached?.etag === undefined ? {} : { 'If-None-Match': cached.etag }),
  ...(cached?.lastModified === undefined ? {} : { 'If-Modified-Since': cached.lastModified }),
});

const notJarFailure = (at: URL, reason: string, status = 0): Failure =>
  new Failure(
    status === 503 ? 'tryAgain' : 'unavailable',
    `${shownUrl(at)} does not serve agent.jar: ${reason}`,
    'correct -url, or put agent.jar into the image',
  );

const untrustedFailure = (url: URL, thrown: unknown): Failure =>
  new Failure(
    'config',
    `agent.jar is not fetched from ${shownUrl(url)}: its certificate is not trusted (${errorCode(thrown)})`,
    "give the certificate with -cert @FILE (java's trust store is not read here), or put agent.jar into the image",
    { cause: thrown },
  );
