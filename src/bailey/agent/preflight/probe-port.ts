import { connectAttemptMs } from '../../http/http-get.ts';

/** What the listener is asked: Jenkins' agent port answers that, and notes nothing; an empty connection it does note. */
const probeRequest = 'GET / HTTP/1.0\r\n\r\n';
/** How long the answer may take: that somebody took the connection is what counts. */
const answerWithinMs = 1000;

/**
 * Connects to an agent port, as agent.jar will.
 * @param withinMs how long the connection may take
 * @throws Node's own error when there is no connection, ETIMEDOUT when it takes too long; the signal's reason
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
