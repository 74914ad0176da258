import { connectAttemptMs } from '../../http/http-get.ts';

/** Jenkins' agent port answers this request without logging it; it does log an empty connection. */
const probeRequest = 'GET / HTTP/1.0\r\n\r\n';
/**
 * How long to wait for the answer, in milliseconds. Without an answer in that time, the accepted connection counts as
 * success.
 */
const answerWithinMs = 1000;

/**
 * Checks that an agent port accepts connections.
 * @param withinMs how long the connection may take
 * @throws Node's error for a failed connection, ETIMEDOUT after the time limit; the signal's reason
 */
export async function connectTo(
  { host, port }: { readonly host: string; readonly port: number },
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { connect } = await import('node:net');
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port, autoSelectFamilyAttemptTimeout: connectAttemptMs });
    const end = (error?: unknown): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const abort = (): void => end(signal.reason);
    const late = Object.assign(new Error(`no connection within ${Math.ceil(withinMs / 1000)} s`), {
      code: 'ETIMEDOUT',
    });
    let timer = setTimeout(() => end(late), withinMs);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', end);
    socket.once('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(end, answerWithinMs);
      socket.removeListener('error', end);
      for (const event of ['data', 'close', 'error']) socket.once(event, () => end());
      socket.write(probeRequest);
    });
  });
}
