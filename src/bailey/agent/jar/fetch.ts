import { hostOf, portOf } from '../../../protocol/address.ts';
import { errorCode, Failure } from '../../../terminal/failure.ts';
import { type Answer, ask } from '../preflight/ask.ts';
import { shownUrl } from '../preflight/controller.ts';
import { isDistrust, networkFailure } from '../preflight/network-failure.ts';
import type { Target } from '../preflight/target.ts';
import { type Patience, waitFor } from '../preflight/wait.ts';
import { findKept, type Kept, keep } from './cache.ts';

type Controller = Extract<Target, { kind: 'controller' }>;

/** agent.jar has about 1.5 MB. */
const longestBytes = 64 * 1024 * 1024;

/**
 * Fetches the controller's own agent.jar, unless the one that was fetched before is still it. It is a program to become,
 * and a controller is trusted as far: it runs what it wants on its agents. Over http:// whoever sits in between is the
 * controller for all we can tell, but so he is to agent.jar; over https:// its certificate must be trusted, or nothing
 * is fetched.
 * @param folder as findCacheFolder gives it
 * @returns the jar's path
 * @throws Failure 69 or 75 when the time is over, 78 for a certificate that isn't trusted, 73, 74 or 77 when it cannot be
 *   written; the signal's reason
 */
export async function fetchAgentJar(target: Controller, folder: string, patience: Patience): Promise<string> {
  return waitFor(async (withinMs) => {
    let first: Failure | undefined;
    for (const url of target.urls) {
      const got = await fetchFrom(url, target, folder, withinMs, patience);
      if (typeof got === 'string') return got;
      first ??= got;
    }
    return first ?? new Failure('usage', 'there is no -url to fetch agent.jar from');
  }, patience);
}

async function fetchFrom(
  url: URL,
  target: Controller,
  folder: string,
  withinMs: number,
  { logLine, signal }: Patience,
): Promise<string | Failure> {
  const at = new URL('jnlpJars/agent.jar', url);
  const kept = findKept(folder, at);
  const headers = { ...target.headers, ...conditions(kept) };
  let answer: Answer;
  try {
    answer = await ask(at, { withinMs, longestBytes, headers, ...target.trust, signal });
  } catch (thrown) {
    signal.throwIfAborted();
    if (isDistrust(thrown)) throw distrust(url, thrown);
    if (kept !== undefined) return kept.jar; // which has been good enough before
    if (errorCode(thrown) === 'EMSGSIZE') return notJar(at, 'it is too long');
    return networkFailure('-url', hostOf(url), portOf(url), thrown);
  }
  if (answer.status === 304 && kept !== undefined) return kept.jar;
  if (answer.status !== 200) return kept?.jar ?? notJar(at, `HTTP status ${answer.status}`, answer.status);
  const { etag, 'last-modified': lastModified } = answer.headers;
  const jar = await keep(folder, at, answer.body, { etag, lastModified });
  if (jar === undefined) return notJar(at, 'it is no jar');
  if (jar !== kept?.jar) logLine(`agent.jar was fetched from ${shownUrl(url)} into ${jar}`);
  return jar;
}

const conditions = (kept: Kept | undefined): Record<string, string> => ({
  ...(kept?.etag === undefined ? {} : { 'If-None-Match': kept.etag }),
  ...(kept?.lastModified === undefined ? {} : { 'If-Modified-Since': kept.lastModified }),
});

const notJar = (at: URL, why: string, status = 0): Failure =>
  new Failure(
    status === 503 ? 'tryAgain' : 'unavailable',
    `${shownUrl(at)} does not give agent.jar: ${why}`,
    'correct -url, or put agent.jar into the image',
  );

const distrust = (url: URL, thrown: unknown): Failure =>
  new Failure(
    'config',
    `agent.jar is not fetched from ${shownUrl(url)}: its certificate is not trusted (${errorCode(thrown)})`,
    "give -cert @FILE with the one to trust (java's own are not read here), or put agent.jar into the image",
    { cause: thrown },
  );
