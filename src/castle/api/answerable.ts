import type { Socket } from 'node:net';
import type { Connection } from '../identity/caller.ts';
import type { Requester } from '../leases/lease-ask.ts';

/**
 * Does something for who asks on a connection, which may take long; it is told when the connection closes meanwhile.
 * @param connection undefined when it has closed already
 */
export async function answerable<T>(
  socket: Socket,
  connection: Pick<Connection, 'isAlive'> | undefined,
  act: (asking: Requester) => Promise<T>,
): Promise<T> {
  const gone = new AbortController();
  const close = () => gone.abort();
  socket.once('close', close);
  if (connection === undefined || socket.destroyed) close();
  try {
    return await act({ disconnected: gone.signal, isAlive: () => connection?.isAlive() === true });
  } finally {
    socket.off('close', close);
  }
}
