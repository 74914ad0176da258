import { existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { dirname } from 'node:path';
import { errorCode, errorMessage, Failure } from '../terminal/failure.ts';

/** sun_path has 108 bytes including the NUL at its end (unix(7)). Node truncates a longer path silently. */
const maxPathBytes = 107;

/**
 * Checks that a socket can have this path.
 * @param path absolute, as readPath returns it
 * @throws Failure config when it is too long
 */
export function checkSocketPath(path: string, option = '--socket'): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxPathBytes) {
    const message = `the path of the socket has ${bytes} bytes, and Linux allows ${maxPathBytes}: ${path}`;
    throw new Failure('config', message, `set ${option} to a shorter path`);
  }
}

/**
 * Prepares the path of a socket: creates its folder, and removes a socket on which no process listens any more, for
 * example after a castle was killed.
 * @throws Failure cannotCreate when another kind of file has the path, tryAgain when a process listens on the socket
 */
export async function freeSocket(path: string, option = '--socket'): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  } catch (thrown) {
    throw new Failure('cannotCreate', `cannot create ${dirname(path)}: ${errorMessage(thrown)}`);
  }
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket()) {
    throw new Failure('cannotCreate', `${path} exists and is not a socket`, `set ${option} to another path`);
  }
  const answer = await connectTo(path);
  if (answer === 'ECONNREFUSED')
    unlinkSync(path); // no process listens (connect(2))
  else if (answer !== 'ENOENT') throw inUse(path, answer, option);
}

/**
 * Makes a server listen on a unix socket. By default every uid may connect, because the castle checks the identity of the
 * caller of each request. The umask sets the mode when the socket is created: a later chmod would follow a symbolic link that a
 * user with write access to the folder could put in its place.
 * @param mask the bits that are removed from mode 0777
 * @throws Failure noPermission, cannotCreate
 */
export async function listen(server: Server, path: string, mask = 0o111, option = '--socket'): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', resolve);
      const before = process.umask(mask);
      try {
        server.listen({ path }); // binds before it returns
      } finally {
        process.umask(before);
      }
    });
  } catch (thrown) {
    const kind = errorCode(thrown) === 'EACCES' ? 'noPermission' : 'cannotCreate';
    throw new Failure(
      kind,
      `the castle cannot listen on ${path}: ${errorMessage(thrown)}`,
      `set ${option} to another path`,
    );
  }
}

function inUse(path: string, answer: string, option: string): Failure {
  if (answer === 'connected') {
    return new Failure(
      'tryAgain',
      `another castle answers on ${path}`,
      `stop it first, or set ${option} to another path`,
    );
  }
  // EAGAIN: its backlog is full, it is busy or stopped. EPROTOTYPE: not a stream socket, so not a castle's.
  const kind = answer === 'EPROTOTYPE' ? 'cannotCreate' : 'tryAgain';
  return new Failure(
    kind,
    `${path} is the socket of another program (${answer})`,
    `stop it first, or set ${option} to another path`,
  );
}

/** Connects to a path. @returns `connected`, or the error code of the system */
function connectTo(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error) => resolve(errorCode(error) ?? error.message));
  });
}
