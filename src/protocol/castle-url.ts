import { Failure } from '../terminal/failure.ts';

/** The address of a castle. */
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
  // A query or fragment would be ignored silently; refuse it.
  const plain = url !== undefined && !/[?#]/.test(text);
  if (plain && url.protocol === 'unix:' && url.host === '' && url.pathname.length > 1) {
    const socketPath = decoded(url.pathname);
    const fault = socketPath === undefined ? undefined : socketPathFault(socketPath);
    if (fault !== undefined)
      throw new Failure(
        'config',
        `the path in CASTLE_URL ${text} ${fault}`,
        'mount the folder of the socket at a shorter path',
      );
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
 * Returns why a path is not valid for a socket, as the end of a sentence; undefined when it is valid. libuv truncates a path
 * that is too long, so a call could reach another socket.
 */
export function socketPathFault(path: string): string | undefined {
  const length = Buffer.byteLength(path);
  return length > longestSocketPath
    ? `has ${length} bytes; a socket's path has at most ${longestSocketPath}`
    : undefined;
}

/** Returns a percent-decoded path; undefined when it cannot be decoded or contains a NUL. */
function decoded(path: string): string | undefined {
  try {
    const text = decodeURIComponent(path);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
