import type { Socket } from 'node:net';
import type { Requester } from '../leases/request-stages.ts';

/**
 * Handles a request that may take long. Its handler can see that the connection has closed, or that the process that sent
 * the request has ended: then nobody receives the answer.
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
