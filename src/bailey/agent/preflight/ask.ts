import { get, type Reply } from '../../http/get.ts';

export interface AskOptions {
  readonly withinMs: number;
  readonly longestBytes: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string;
  readonly anyCertificate: boolean;
  readonly signal: AbortSignal;
}

/** An answer, and where it came from. */
export interface Answer extends Reply {
  /** A redirect that java does not follow: it leads to another protocol. */
  readonly leadsTo: string | undefined;
}

const mostRedirects = 5;

/**
 * A GET that follows redirects as java's HttpURLConnection does: within a protocol only. What the headers say to one
 * host is not told another.
 * @throws what {@link get} does
 */
export async function ask(url: URL, options: AskOptions): Promise<Answer> {
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const headers = at.origin === url.origin ? options.headers : {};
    const reply = await get(at, { ...options, headers });
    const next = redirectOf(reply, at);
    if (next === undefined || redirects === mostRedirects) return { ...reply, leadsTo: undefined };
    if (next.protocol !== at.protocol) return { ...reply, leadsTo: next.origin };
    at = next;
  }
}

function redirectOf({ status, headers }: Reply, at: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || headers.location === undefined) return undefined;
  try {
    return new URL(headers.location, at);
  } catch {
    return undefined;
  }
}
