import { Failure } from '../failure.ts';

/** Where a castle listens. */
export type CastleAddress =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | { readonly kind: 'https'; readonly origin: string };

/**
 * Reads CASTLE_URL.
 * @param text `unix:///run/castle/castle.sock` or `https://host:port`
 * @throws Failure config when it is neither
 */
export function parseCastleUrl(text: string): CastleAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'unix:' && url.host === '' && url.pathname.length > 1) {
    const socketPath = decoded(url.pathname);
    if (socketPath !== undefined) return { kind: 'unix', socketPath };
  }
  if (url?.protocol === 'https:' && url.username === '' && url.pathname === '/') {
    return { kind: 'https', origin: url.origin };
  }
  throw new Failure(
    'config',
    `CASTLE_URL ${JSON.stringify(text)} is not the address of a castle`,
    'set it to unix:///run/castle/castle.sock (three slashes, an absolute path) or https://host:port',
  );
}

/** The path that a URL's percent signs stand for; undefined when they stand for nothing. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
