import type { Socket } from 'node:net';
import type { Requester } from '../leases/request-stages.ts';

/**
 * Handles a request that may take long. The handler can check whether the connection has closed or the process that sent the
 * request has ended, because the response then reaches no process.
 */
export async function answerable<T>(
  socket: Socket,
  sender: { isAlive(): boolean },
  handle: (requester: Requester) => Promise<T>,
): Promise<T> {
  const gone = new AbortController();
  const close = () => gone.abort();
  socket.once('close', close);
  if (socket.destroyed) close();
  try {
    return await handle({ disconnected: gone.signal, isAlive: () => sender.isAlive() });
  } finally {
    socket.off('close', close);
  }
}
