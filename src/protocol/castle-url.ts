import { Failure } from '../terminal/failure.ts';

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
  // What follows a ? or # would be left out without a word.
  const plain = url !== undefined && !/[?#]/.test(text);
  if (plain && url.protocol === 'unix:' && url.host === '' && url.pathname.length > 1) {
    const socketPath = decoded(url.pathname);
    const fault = socketPath === undefined ? undefined : socketPathFault(socketPath);
    if (fault !== undefined)
      throw new Failure('config', `the path in CASTLE_URL ${text} ${fault}`, 'mount its folder elsewhere');
    if (socketPath !== undefined) return { kind: 'unix', socketPath };
  }
  if (
    plain &&
    url.protocol === 'https:' &&
    url.username === '' &&
    url.password === '' &&
    url.pathname === '/'
  ) {
    return { kind: 'https', origin: url.origin };
  }
  throw new Failure(
    'config',
    `CASTLE_URL ${JSON.stringify(text)} is not the address of a castle`,
    'set it to unix:///run/castle/castle.sock (three slashes, an absolute path) or https://host:port',
  );
}

/** sun_path has 108 bytes with the NUL at its end (unix(7)). */
const longestSocketPath = 107;

/**
 * Why nothing can listen at a path, as the end of a sentence, or undefined. libuv cuts a path that is too long, and the
 * call would reach whoever listens at what is left.
 */
export function socketPathFault(path: string): string | undefined {
  const length = Buffer.byteLength(path);
  return length > longestSocketPath
    ? `has ${length} bytes; a socket's path has at most ${longestSocketPath}`
    : undefined;
}

/** The path that a URL's percent signs stand for; undefined when they stand for none. */
function decoded(path: string): string | undefined {
  try {
    const text = decodeURIComponent(path);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
