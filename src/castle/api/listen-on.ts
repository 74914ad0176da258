import type { Server } from 'node:net';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import type { Address } from './listen-address.ts';

/**
 * Makes a server listen on TCP. Later errors of the server are ignored, because the castle's other listeners still work.
 * @param what begins the message, as in "the castle cannot listen on 0.0.0.0:8443"
 * @throws Failure noPermission, cannotCreate
 */
export async function listenOn(
  server: Server,
  { host, port }: Address,
  what: string,
  remedy: string,
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => resolve());
    });
  } catch (thrown) {
    const kind = errorCode(thrown) === 'EACCES' ? 'noPermission' : 'cannotCreate';
    throw new Failure(kind, `${what}: ${errorMessage(thrown)}`, remedy);
  }
  server.on('error', () => undefined);
}
