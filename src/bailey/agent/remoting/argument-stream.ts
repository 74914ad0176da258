import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Failure } from '../../../terminal/failure.ts';

/** In bytes: far more than the system's limit for all arguments. */
const maxBytes = 1024 * 1024;

/**
 * Opens a pipe, as in `@<(command)` or `@/dev/stdin`, or a terminal: a source that can be read only once. It is opened
 * anew, so that O_NONBLOCK does not affect other processes.
 * @returns its descriptor; undefined when the path is something else or does not exist
 */
export function openStream(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined; // reading it as a file will report the reason
  }
  const stat = fstatSync(fd);
  if (stat.isFIFO() || stat.isCharacterDevice()) return fd;
  closeSync(fd);
  return undefined;
}

/**
 * Reads a stream to its end from the event loop: the writer may never write, and a thread blocked in read(2) could not be
 * interrupted.
 * @param fd from {@link openStream}; it is closed
 * @throws Failure 78 when it is too long or an unsuitable device; the signal's reason
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
