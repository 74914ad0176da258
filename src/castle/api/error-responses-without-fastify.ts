import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RefusalError } from '../refusals/refusal.ts';

/** The headers of the last response on a connection. */
const headersOf = (body: string) => ({
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(body),
  connection: 'close',
});

/** Responds to a request that Fastify does not handle. */
export function answer(response: ServerResponse, refused: RefusalError): void {
  const body = JSON.stringify(refused);
  response.writeHead(refused.status, headersOf(body)).end(body);
}

/** Responds to bytes that could not be parsed as a request, and closes the connection. */
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
