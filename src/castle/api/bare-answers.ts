import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RefusalError } from '../refusals/refusal.ts';

/** The headers of a last answer. */
const headersOf = (body: string) => ({
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(body),
  connection: 'close',
});

/** Answers a request that no route was found for. */
export function answer(response: ServerResponse, refused: RefusalError): void {
  const body = JSON.stringify(refused);
  response.writeHead(refused.status, headersOf(body)).end(body);
}

/** Answers where there is no request to answer, and hangs up. */
export function endWith(socket: Duplex, refused: RefusalError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(refused);
  const head = [
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status] ?? ''}`,
    ...Object.entries(headersOf(body)).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
