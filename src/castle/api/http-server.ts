import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { EmitEvent } from '../events/event.ts';
import type { RefusalError } from '../refusals/refusal.ts';
import { answer, endWith } from './bare-answers.ts';
import { bodyLimitBytes, lastAnswersMs, requestWithinMs, retryAfterS } from './bounds.ts';
import { badRequest, refusalOf, unreadable } from './errors.ts';
import type { LeaseRequests } from './requests.ts';

/**
 * The settings of Fastify that all servers of the castle have: bounds for what comes in, and answers in the documented form
 * to what does not get as far as a route.
 */
export const settings = (emit: EmitEvent) => ({
  bodyLimit: bodyLimitBytes,
  requestTimeout: requestWithinMs,
  keepAliveTimeout: requestWithinMs,
  exposeHeadRoutes: false,
  clientErrorHandler: (error: Error, socket: Duplex) => endWith(socket, unreadable(error)),
  frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    answer(reply.raw, refusalOf(error, request.body, emit));
  },
});

/** The errors of routes, as refusals in the documented form. */
export function refusing(requests: LeaseRequests, emit: EmitEvent) {
  return (error: FastifyError | RefusalError, request: FastifyRequest, reply: FastifyReply) => {
    const refused = refusalOf(error, request.body, emit);
    requests.refused(request, reply, refused);
    if (refused.status === 503) reply.header('retry-after', retryAfterS);
    return reply.status(refused.status).send(refused.toJSON());
  };
}

/** Refuses the requests that expect something before they are whole; Node would answer them without a body. */
export function refuseExpectations(server: Pick<Server, 'on'>): void {
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    answer(response, badRequest('it expects what the castle does not do', 417));
  });
}

/**
 * Ends a server: requests under way are answered, within a bound.
 * @param closeIdle closes the connections that wait for nothing, and each other one once it is answered
 */
export async function end(
  app: { readonly server: Pick<Server, 'close' | 'closeAllConnections'>; close(): Promise<unknown> },
  closeIdle: () => void,
): Promise<void> {
  const closed = new Promise<void>((resolve) => void app.server.close(() => resolve()));
  closeIdle();
  await Promise.race([closed, sleep(lastAnswersMs, undefined, { ref: false })]);
  app.server.closeAllConnections();
  await closed;
  await app.close();
}
