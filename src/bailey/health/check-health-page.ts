import { errorCode, errorMessage } from '../../terminal/failure.ts';
import { type HttpReply, httpGet } from '../http/http-get.ts';
import { type HealthResult, healthy, unhealthy } from './health-result.ts';

/** Statuses of a controller without /health. It may reject anonymous requests before it looks up the page. */
const unknownPage: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * Checks a controller by GET /health (since Jenkins 2.506, no login needed): 200 is healthy, 503 means a failed check or
 * a Jenkins that is still starting. An older Jenkins has no such page; there /login must answer with the header X-Jenkins.
 * @param root the root URL of the controller, with a slash at its end
 * @param withinMs time limit for all requests together
 */
export async function checkHealthPage(root: URL, withinMs: number): Promise<HealthResult> {
  const deadline = performance.now() + withinMs;
  // The certificate is for the public name, not this address; no credentials are sent, so any certificate will do.
  const request = (url: URL): Promise<HttpReply> =>
    httpGet(url, {
      withinMs: Math.max(1, deadline - performance.now()),
      maxBytes: 1 << 20,
      anyCertificate: true,
    });
  const page = new URL('health', root);
  try {
    let reply = await request(page);
    // A redirect that only adds a slash leads to the same page.
    const moved = reply.status >= 300 && reply.status < 400;
    if (moved && redirectsTo(reply, page, new URL('health/', root)))
      reply = await request(new URL('health/', root));
    if (reply.status === 200) return healthy(`the controller answers at ${page.href}`);
    if (reply.status === 503) return unhealthy(unavailableReason(page, reply));
    if (unknownPage.has(reply.status) || moved) return await checkLoginPage(new URL('login', root), request);
    return unhealthy(`${page.href} answers ${reply.status}: Jenkins has failed`);
  } catch (thrown) {
    return unhealthy(noAnswerReason(root, thrown, withinMs));
  }
}

const redirectsTo = ({ headers }: HttpReply, from: URL, to: URL): boolean =>
  headers.location !== undefined && new URL(headers.location, from).pathname === to.pathname;

async function checkLoginPage(page: URL, request: (url: URL) => Promise<HttpReply>): Promise<HealthResult> {
  const { status, headers } = await request(page);
  const version = headers['x-jenkins'];
  if (status === 503) return unhealthy(`${page.href} answers 503: Jenkins is starting, or failed to start`);
  if (status >= 500) return unhealthy(`${page.href} answers ${status}: Jenkins has failed`);
  if (version === undefined)
    return unhealthy(`${page.href} answers ${status} without the header X-Jenkins: that is not Jenkins`);
  return healthy(`the controller, Jenkins ${String(version)}, answers at ${page.href}`);
}

/** A 503 without a report comes from a Jenkins that has not started yet. */
function unavailableReason(page: URL, { body }: HttpReply): string {
  const failed = failedChecks(body);
  return failed === undefined
    ? `${page.href} answers 503: Jenkins is starting, or failed to start`
    : `${page.href} answers 503: failed checks: ${failed.join(', ') || '(not named)'}`;
}

/** Returns the names of the checks that failed: `{"status":false,"data":[{"name":…,"result":false}]}` (jenkins.health). */
function failedChecks(body: Buffer): readonly string[] | undefined {
  let report: unknown;
  try {
    report = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  if (typeof report !== 'object' || report === null || !('status' in report)) return undefined;
  const checks: readonly unknown[] = 'data' in report && Array.isArray(report.data) ? report.data : [];
  return checks.flatMap(nameOfFailed);
}

function nameOfFailed(check: unknown): string[] {
  if (typeof check !== 'object' || check === null || !('result' in check) || !('name' in check)) return [];
  return check.result === false ? [String(check.name).slice(0, 60)] : [];
}

function noAnswerReason(root: URL, thrown: unknown, withinMs: number): string {
  switch (errorCode(thrown)) {
    case 'ECONNREFUSED':
      return `nothing listens at ${root.host}: Jenkins is starting, or failed to start`;
    case 'ETIMEDOUT':
      return `${root.host} gave no answer within ${withinMs / 1000} s: Jenkins hangs, or is overloaded`;
    default:
      return `${root.href} cannot be reached: ${errorMessage(thrown) || (errorCode(thrown) ?? 'no reason given')}`;
  }
}
