import { existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { dirname } from 'node:path';
import { errorCode, errorMessage, Failure } from '../terminal/failure.ts';

/** sun_path has 108 bytes with the zero at its end (unix(7)); Node cuts what is longer without a word. */
const longestPathBytes = 107;

/** @throws Failure usage, config when no socket can have this path */
export function checkSocketPath(path: string, option = '--socket'): void {
  if (path === '') {
    throw new Failure('usage', `${option} is empty`, 'give the path of a socket, or leave the option out');
  }
  const bytes = Buffer.byteLength(path);
  if (bytes > longestPathBytes) {
    const sentence = `the path of the socket has ${bytes} bytes, and Linux takes ${longestPathBytes}: ${path}`;
    throw new Failure('config', sentence, `give a shorter ${option}`);
  }
}

/**
 * Makes the way free for a castle's socket: its folder is made, the socket of a castle that was killed removed. What
 * anybody still listens on stays.
 * @throws Failure cannotCreate when something else is there, tryAgain when somebody listens on it
 */
export async function freeSocket(path: string, option = '--socket'): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  } catch (thrown) {
    throw new Failure('cannotCreate', `${dirname(path)} cannot be made: ${errorMessage(thrown)}`);
  }
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket()) {
    throw new Failure('cannotCreate', `${path} is there and not a socket`, `give another ${option}`);
  }
  const answer = await connectTo(path);
  if (answer === 'ECONNREFUSED')
    unlinkSync(path); // the one sign that nobody listens (connect(2))
  else if (answer !== 'ENOENT') throw inUse(path, answer, option);
}

/**
 * Lets a server listen on a unix socket that any uid may connect to, unless told otherwise: who it is decides, not the
 * mode. The socket has its mode from the moment it is there. A chmod afterwards would follow a symlink that somebody who may write to the
 * folder had put in its place.
 * @param mask what is taken from its mode 0777
 * @throws Failure noPermission, cannotCreate
 */
export async function listen(server: Server, path: string, mask = 0o111, option = '--socket'): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', resolve);
      const before = process.umask(mask);
      try {
        server.listen(path); // binds before it returns
      } finally {
        process.umask(before);
      }
    });
  } catch (thrown) {
    const kind = errorCode(thrown) === 'EACCES' ? 'noPermission' : 'cannotCreate';
    throw new Failure(
      kind,
      `the castle cannot listen on ${path}: ${errorMessage(thrown)}`,
      `give another ${option}`,
    );
  }
}

function inUse(path: string, answer: string, option: string): Failure {
  if (answer === 'connected') {
    return new Failure(
      'tryAgain',
      `another castle answers on ${path}`,
      `stop it first, or give another ${option}`,
    );
  }
  // EAGAIN: its backlog is full, it is busy or stopped. EPROTOTYPE: not a stream socket, so not a castle's.
  const kind = answer === 'EPROTOTYPE' ? 'cannotCreate' : 'tryAgain';
  return new Failure(
    kind,
    `${path} is the socket of another program (${answer})`,
    `stop it first, or give another ${option}`,
  );
}

/** What connecting to a path leads to: `connected`, or the system's error code. */
function connectTo(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error) => resolve(errorCode(error) ?? error.message));
  });
}
