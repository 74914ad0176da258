import { type HttpReply, httpGet } from '../../http/http-get.ts';

export interface RedirectOptions {
  readonly withinMs: number;
  readonly maxBytes: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string;
  readonly anyCertificate: boolean;
  readonly signal: AbortSignal;
}

/** The last response after redirects. */
export interface FinalReply extends HttpReply {
  /** Origin of a redirect to another protocol, which java does not follow. */
  readonly otherProtocol: string | undefined;
}

const maxRedirects = 5;

/**
 * A GET that follows redirects as java's HttpURLConnection does: only within a protocol. Headers are sent only to the
 * original origin, since they may contain credentials.
 * @throws the errors of {@link httpGet}
 */
export async function getWithRedirects(url: URL, options: RedirectOptions): Promise<FinalReply> {
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const headers = at.origin === url.origin ? options.headers : {};
    const reply = await httpGet(at, { ...options, headers });
    const next = redirectOf(reply, at);
    if (next === undefined || redirects === maxRedirects) return { ...reply, otherProtocol: undefined };
    if (next.protocol !== at.protocol) return { ...reply, otherProtocol: next.origin };
    at = next;
  }
}

function redirectOf({ status, headers }: HttpReply, at: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || headers.location === undefined) return undefined;
  try {
    return new URL(headers.location, at);
  } catch {
    return undefined;
  }
}
