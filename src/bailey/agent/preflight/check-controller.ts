import { hostOf, portOf } from '../../../protocol/address.ts';
import { errorCode, Failure } from '../../../terminal/failure.ts';
import type { ControllerTarget } from './controller-target.ts';
import { type FinalReply, getWithRedirects } from './get-with-redirects.ts';
import { isCertificateError, isNodeOnlyError, networkFailure } from './network-failure.ts';
import { type PreflightResult, ready } from './preflight-result.ts';
import { connectTo } from './probe-port.ts';

type Controller = Extract<ControllerTarget, { kind: 'controller' }>;
type Port = Extract<ControllerTarget, { kind: 'port' }>;

/** Limit for a page of Jenkins, of which only the headers are used. */
const maxBytes = 8 * 1024 * 1024;

/**
 * Checks one URL as agent.jar would use it: the web interface, then the agent port that it advertises.
 * @param withinMs time limit for each response
 * @throws the signal's reason
 */
export async function checkController(
  url: URL,
  target: Controller,
  withinMs: number,
  signal: AbortSignal,
): Promise<PreflightResult> {
  if (url.protocol === 'http:' && target.mayGoThroughProxy(url.hostname))
    return { kind: 'ready', note: `${shownUrl(url)} is not checked: java reaches it through http_proxy` };
  const options = { withinMs, maxBytes, headers: target.headers, ...target.trust, signal };
  let note: string | undefined;
  const request = async (path: string): Promise<FinalReply> => {
    try {
      return await getWithRedirects(new URL(path, url), {
        ...options,
        anyCertificate: options.anyCertificate || note !== undefined,
      });
    } catch (thrown) {
      if (!isCertificateError(thrown)) throw thrown;
      // Java has its own trust store, which bailey does not read. So java verifies the certificate later.
      note = `the certificate of ${shownUrl(url)} is not one that Node trusts (${errorCode(thrown)}): if java refuses it too, give -cert @FILE`;
      return getWithRedirects(new URL(path, url), { ...options, anyCertificate: true });
    }
  };
  try {
    const result = target.webSocket
      ? judgeLoginReply(url, await request('login'))
      : await judgeListenerReply(url, target, request, withinMs, signal);
    return result.kind === 'ready' && note !== undefined && result.note === undefined
      ? { ...result, note }
      : result;
  } catch (thrown) {
    signal.throwIfAborted();
    if (isNodeOnlyError(thrown))
      return {
        kind: 'ready',
        note: `${shownUrl(url)} cannot be checked from here (${errorCode(thrown)}); java decides`,
      };
    return { kind: 'not ready', failure: networkFailure('-url', hostOf(url), portOf(url), thrown) };
  }
}

/** agent.jar requests the same page and accepts only status 200. */
async function judgeListenerReply(
  url: URL,
  target: Controller,
  request: (path: string) => Promise<FinalReply>,
  withinMs: number,
  signal: AbortSignal,
): Promise<PreflightResult> {
  const answer = await request('tcpSlaveAgentListener/');
  const where = shownUrl(url);
  if (answer.status === 200) {
    const advertised = header(answer, 'x-jenkins-jnlp-port') ?? header(answer, 'x-hudson-jnlp-port');
    if (advertised === undefined)
      return notReady(`the server at ${where} is not Jenkins: its response names no agent port`, checkUrl);
    return checkAgentPort(url, answer, advertised, target, withinMs, signal);
  }
  if (answer.status === 404) {
    // Jenkins has a login page at its root, and sends the header X-Jenkins with every page, even 404.
    const login = await request('login');
    const isJenkins = header(answer, 'x-jenkins') !== undefined || header(login, 'x-jenkins') !== undefined;
    if (!isJenkins) return notReady(`the server at ${where} is not Jenkins (HTTP status 404)`, checkUrl);
    return login.status === 404
      ? notReady(`${where} is not the root of Jenkins (HTTP status 404)`, checkUrl)
      : notReady(
          `Jenkins at ${where} has no agent port`,
          'use -webSocket (JENKINS_WEB_SOCKET=true), or enable the TCP port for inbound agents in its security settings',
        );
  }
  return judgeOtherReply(url, answer);
}

/** For a WebSocket, agent.jar requests the login page, and only after a disconnect; a proxy may answer it. */
function judgeLoginReply(url: URL, answer: FinalReply): PreflightResult {
  const where = shownUrl(url);
  if (answer.status === 404 || answer.status >= 500) return judgeOtherReply(url, answer);
  if (answer.status === 200 && header(answer, 'x-jenkins') === undefined)
    return { kind: 'ready', note: `the server at ${where} does not identify itself as Jenkins` };
  return ready; // other statuses may come from a login proxy in front of Jenkins
}

function judgeOtherReply(url: URL, answer: FinalReply): PreflightResult {
  const where = shownUrl(url);
  const { status } = answer;
  if (answer.otherProtocol !== undefined)
    return notReady(
      `${where} leads to ${answer.otherProtocol}, and java does not follow a redirect to another protocol`,
      `make -url begin with ${answer.otherProtocol}`,
    );
  if (status === 503) {
    const sentence =
      header(answer, 'x-jenkins') !== undefined || answer.body.includes('Jenkins')
        ? `Jenkins at ${where} is starting`
        : `${where} is not ready (HTTP status 503)`;
    return { kind: 'not ready', failure: new Failure('tryAgain', sentence, 'see its log') };
  }
  if (status >= 500)
    return notReady(
      `${where} answers with HTTP status ${status}`,
      'check that the controller behind it runs',
    );
  if (status === 401 || status === 403)
    return notReady(
      `${where} denies access (HTTP status ${status})`,
      'allow tcpSlaveAgentListener/ in the proxy in front of Jenkins, or give -credentials',
    );
  return notReady(`the server at ${where} is not Jenkins (HTTP status ${status})`, checkUrl);
}

async function checkAgentPort(
  url: URL,
  answer: FinalReply,
  advertised: string,
  { tunnel, mayGoThroughProxy }: Controller,
  withinMs: number,
  signal: AbortSignal,
): Promise<PreflightResult> {
  const host = tunnel?.host ?? header(answer, 'x-jenkins-jnlp-host') ?? hostOf(url);
  const port = tunnel?.port ?? Number(advertised);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return notReady(`${shownUrl(url)} names an invalid agent port`, checkUrl);
  return probeAgentPort({ host, port, mayGoThroughProxy }, withinMs, signal, (thrown) => {
    const { sentence, remedy } = networkFailure('-tunnel', host, port, thrown);
    return tunnel === undefined
      ? notReady(
          `the agent port that ${shownUrl(url)} names cannot be reached: ${sentence}`,
          `publish port ${port} of the controller, give -tunnel HOST:PORT if it is elsewhere, or use -webSocket`,
        )
      : notReady(`the tunnel to the agent port cannot be reached: ${sentence}`, remedy ?? 'correct -tunnel');
  });
}

/** Checks the agent port of -direct. */
export function checkDirectPort(
  target: Port,
  withinMs: number,
  signal: AbortSignal,
): Promise<PreflightResult> {
  return probeAgentPort(target, withinMs, signal, (thrown) => ({
    kind: 'not ready',
    failure: networkFailure('-direct', target.host, target.port, thrown),
  }));
}

/**
 * Connects to an agent port, unless java reaches it through a proxy.
 * @param refused the result for the error of the connection
 * @throws the signal's reason
 */
async function probeAgentPort(
  { host, port, mayGoThroughProxy }: Omit<Port, 'kind'>,
  withinMs: number,
  signal: AbortSignal,
  refused: (thrown: unknown) => PreflightResult,
): Promise<PreflightResult> {
  if (mayGoThroughProxy(host)) return ready;
  try {
    await connectTo({ host, port }, withinMs, signal);
    return ready;
  } catch (thrown) {
    signal.throwIfAborted();
    return refused(thrown);
  }
}

const checkUrl = 'correct -url: it is the address of the web interface, with its prefix if it has one';

const notReady = (sentence: string, remedy: string): PreflightResult => ({
  kind: 'not ready',
  failure: new Failure('unavailable', sentence, remedy),
});

function header({ headers }: FinalReply, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** Returns a URL without user name and password, for messages. */
export const shownUrl = (url: URL): string => `${url.origin}${url.pathname}`;
