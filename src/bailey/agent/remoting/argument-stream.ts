import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Failure } from '../../../terminal/failure.ts';

/** Far more than all arguments together may have. */
const maxBytes = 1024 * 1024;

/**
 * Opens what can be read only once: a pipe, as in `@<(command)` or `@/dev/stdin`, or a terminal. Opened anew, so that it
 * is ours alone to be non-blocking.
 * @returns its descriptor; undefined when the path leads to something else, or to nothing
 */
export function openStream(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined; // whoever looks at it as a file says why
  }
  const stat = fstatSync(fd);
  if (stat.isFIFO() || stat.isCharacterDevice()) return fd;
  closeSync(fd);
  return undefined;
}

/**
 * Reads a stream to its end, from the event loop: whoever writes to it may never do so, and a thread that waits in
 * read(2) could not be ended.
 * @param fd as {@link openStream} gives it; it is closed
 * @throws Failure 78 when it has no end in sight, or cannot be waited for; the signal's reason
 */
export async function readStream(path: string, fd: number, signal: AbortSignal): Promise<string> {
  const { isatty, ReadStream } = await import('node:tty');
  const { Socket } = await import('node:net');
  if (!isatty(fd) && !fstatSync(fd).isFIFO()) {
    closeSync(fd);
    throw new Failure('config', `${path} is a device that has no arguments`, 'name a file');
  }
  const stream = isatty(fd) ? new ReadStream(fd) : new Socket({ fd, readable: true, writable: false });
  const abort = (): void => void stream.destroy(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of stream as AsyncIterable<Buffer>) {
      parts.push(part);
      length += part.length;
      if (length > maxBytes)
        throw new Failure('config', `${path} has more than 1 MiB of arguments`, 'name another file');
    }
    return Buffer.concat(parts).toString('utf8');
  } finally {
    signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}
