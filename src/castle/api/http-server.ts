import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { EmitEvent } from '../events/event.ts';
import type { RefusalError } from '../refusals/refusal.ts';
import { answer, endWith } from './error-responses-without-fastify.ts';
import { badRequest, refusalOf, unreadable } from './errors.ts';
import { bodyLimitBytes, lastAnswersMs, requestWithinMs, retryAfterS } from './http-limits.ts';
import type { LeaseRequests } from './log-lease-requests.ts';

/**
 * Wraps a compiler of schemas, so that it compiles each schema when it is first used: to compile all of them takes a fifth
 * of the time in which a castle starts.
 */
function lazily<Route, Value, Result>(compile: (route: Route) => (value: Value) => Result) {
  return (route: Route) => {
    let compiled: ((value: Value) => Result) | undefined;
    return (value: Value) => {
      compiled ??= compile(route);
      return compiled(value);
    };
  };
}

/**
 * The Fastify settings of all servers of the castle: limits for requests, and errors in the documented form for requests
 * that reach no route.
 */
export const settings = (emit: EmitEvent) => ({
  bodyLimit: bodyLimitBytes,
  requestTimeout: requestWithinMs,
  keepAliveTimeout: requestWithinMs,
  exposeHeadRoutes: false,
  schemaController: {
    compilersFactory: {
      // Fastify's type expects the routes of Ajv.
      buildValidator: () => lazily(TypeBoxValidatorCompiler) as never,
      // Fastify's own, which compiles at the start.
      buildSerializer: (...input: Parameters<ReturnType<typeof SerializerSelector>>) =>
        lazily(SerializerSelector()(...input)),
    },
  },
  clientErrorHandler: (error: Error, socket: Duplex) => endWith(socket, unreadable(error)),
  frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    answer(reply.raw, refusalOf(error, request.body, emit));
  },
});

/** The error handler: turns the errors of routes into responses in the documented form. */
export function refusing(requests: LeaseRequests, emit: EmitEvent) {
  return (error: FastifyError | RefusalError, request: FastifyRequest, reply: FastifyReply) => {
    const refused = refusalOf(error, request.body, emit);
    requests.refused(request, reply, refused);
    if (refused.status === 503) reply.header('retry-after', retryAfterS);
    return reply.status(refused.status).send(refused.toJSON());
  };
}

/** Refuses requests with an unknown Expect header; Node would answer them without a body. */
export function refuseExpectations(server: Pick<Server, 'on'>): void {
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    answer(response, badRequest('unsupported Expect header', 417));
  });
}

/**
 * Stops a server. Waits for requests in progress, for a limited time.
 * @param closeIdle closes the connections without a request in progress, and the others after their responses
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
