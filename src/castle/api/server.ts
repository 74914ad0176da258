import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import swagger from '@fastify/swagger';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, { type FastifyError, type FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Native } from '../../container/native.ts';
import { GrowRequest, Lease, LeaseRequest, Refusal, Status, Volume } from '../../contract.ts';
import { version } from '../../version.ts';
import type { Followers } from '../chronicle/followers.ts';
import type { Say } from '../chronicle/happening.ts';
import type { Metrics } from '../chronicle/metrics.ts';
import type { CleanUp } from '../clean-up/clean-up.ts';
import { type Caller, callerOf } from '../identity/caller.ts';
import type { Ledger } from '../leases/ledger.ts';
import { Refused } from '../refused.ts';
import type { Container, Peer, Runtime } from '../runtime/runtime.ts';
import { listen } from '../socket.ts';
import { administrationRoutes } from './administration.ts';
import { cleanUpRoutes } from './clean-up.ts';
import { Connections } from './connections.ts';
import { badRequest, refusalOf, unreadable } from './errors.ts';
import { addObservation } from './observation.ts';
import { LeaseRequests } from './requests.ts';

/** What the API answers with. */
export interface ApiMeans {
  readonly native: Native;
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  readonly cleanUp: CleanUp;
  readonly status: () => Status;
  readonly metrics: Metrics;
  readonly followers: Followers;
  readonly checkHealth: () => void;
  readonly say: Say;
}

/** A request has at most this many bytes; the largest right one has a path of 4096. */
const bodyLimitBytes = 16 * 1024;
/** A peer that sends its request more slowly than this is cut off, in milliseconds. */
const requestWithinMs = 10_000;
/** One that doesn't even begin is cut off after this, and the time until somebody looks, which is as long again. */
const headersWithinMs = 5_000;
/** When what the castle could not do may be worth another try, in seconds. */
const retryAfterS = 2;
/** How long requests under way may take when the castle is to stop, in milliseconds: longer than a mount. */
const lastAnswersMs = 15_000;

/** The castle's HTTP interface. */
export interface Api {
  /** @throws Failure noPermission, cannotCreate */
  listen(socket: string): Promise<void>;
  /** Removes the socket, lets requests under way be answered, within a bound, and closes every connection. */
  stop(): Promise<void>;
}

/** Builds the interface; nobody can reach it before it listens. */
export async function buildServer(means: ApiMeans): Promise<Api> {
  const { native, runtime, ledger, cleanUp, status, metrics, followers, checkHealth, say } = means;
  const requests = new LeaseRequests(metrics, say);
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestWithinMs,
    keepAliveTimeout: requestWithinMs,
    exposeHeadRoutes: false,
    http: { headersTimeout: headersWithinMs, connectionsCheckingInterval: headersWithinMs },
    clientErrorHandler: (error, socket) => endWith(socket, unreadable(error)),
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      answer(reply.raw, refusalOf(error, request.body, say));
    },
  })
    .setValidatorCompiler(TypeBoxValidatorCompiler)
    .withTypeProvider<TypeBoxTypeProvider>();

  const connections = new Connections(app.server, native);
  app.server.on('checkExpectation', (_request, response: ServerResponse) => {
    answer(response, badRequest('it expects what the castle does not do', 417));
  });

  async function caller(request: FastifyRequest): Promise<Caller> {
    const connection = connections.of(request.raw.socket);
    if (connection === undefined)
      throw new Refused('not_permitted', 'nobody is known on this connection', 'ask again');
    return callerOf(connection, runtime);
  }

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'castle',
        version,
        description: 'Storage for containers. Who asks is read from the socket, never from the request.',
      },
    },
  });

  app.setErrorHandler((error: FastifyError | Refused, request, reply) => {
    const refused = refusalOf(error, request.body, say);
    requests.refused(request, reply, refused);
    if (refused.status === 503) reply.header('retry-after', retryAfterS);
    return reply.status(refused.status).send(refused.toJSON());
  });
  app.setNotFoundHandler((request, reply) => {
    const refused = new Refused(
      'not_found',
      `${request.method} ${request.url} is not served`,
      'see /v1/openapi.json',
    );
    return reply.status(refused.status).send(refused.toJSON());
  });

  const refusals = { '4xx': Refusal, '5xx': Refusal };

  app.post(
    '/v1/leases',
    {
      schema: {
        summary: 'Ask for storage',
        body: LeaseRequest,
        response: { 200: Lease, 201: Lease, ...refusals },
      },
    },
    async (request, reply) => {
      const { container, peer } = needContainer(await caller(request));
      requests.from(request, container, request.body);
      const { lease, isNew } = await ledger.request(container, peer, request.body);
      requests.granted(request, reply, lease.id, isNew);
      return reply.status(isNew ? 201 : 200).send(lease);
    },
  );

  app.delete(
    '/v1/leases/:id',
    {
      schema: {
        summary: 'Give storage back',
        params: Type.Object({ id: Type.String() }),
        response: { 204: Type.Null(), ...refusals },
      },
    },
    async (request, reply) => {
      const { container } = needContainer(await caller(request));
      requests.from(request, container);
      await ledger.release(container, request.params.id);
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/v1/leases',
    {
      schema: {
        summary: 'All leases; a container sees its own',
        response: { 200: Type.Array(Lease), ...refusals },
      },
    },
    async (request) => {
      const asking = await caller(request);
      return ledger.leases(asking.kind === 'container' ? asking.container : undefined);
    },
  );

  app.get(
    '/v1/volumes',
    { schema: { summary: 'All volumes; for the host', response: { 200: Type.Array(Volume), ...refusals } } },
    async (request) => {
      needHost(await caller(request));
      return ledger.list();
    },
  );

  app.post(
    '/v1/volumes/:name/size',
    {
      schema: {
        summary: 'Make a volume larger; for the host',
        params: Type.Object({ name: Type.String() }),
        body: GrowRequest,
        response: { 200: Volume, ...refusals },
      },
    },
    async (request) => {
      needHost(await caller(request));
      return ledger.grow(request.params.name, request.body.sizeBytes);
    },
  );

  app.get(
    '/v1/status',
    { schema: { summary: 'The castle itself; for the host', response: { 200: Status, ...refusals } } },
    async (request) => {
      needHost(await caller(request));
      return status();
    },
  );

  const host = async (request: FastifyRequest) => needHost(await caller(request));
  await app.register(administrationRoutes({ administration: ledger.administration, needHost: host }));
  await app.register(cleanUpRoutes({ cleanUp, needHost: host }));
  await app.register(async (inner) => {
    addObservation(inner, { metrics, followers, checkHealth, needHost: host });
  });

  app.get('/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());

  await app.ready();
  return {
    listen: (socket) => listen(app.server, socket),
    async stop() {
      const closed = new Promise<void>((resolve) => void app.server.close(() => resolve()));
      connections.stop();
      followers.close();
      await Promise.race([closed, sleep(lastAnswersMs, undefined, { ref: false })]);
      app.server.closeAllConnections();
      await closed;
      await app.close();
      requests.close();
    },
  };
}

/** The headers of a last answer. */
const headersOf = (body: string) => ({
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(body),
  connection: 'close',
});

/** Answers a request that no route was found for. */
function answer(response: ServerResponse, refused: Refused): void {
  const body = JSON.stringify(refused);
  response.writeHead(refused.status, headersOf(body)).end(body);
}

/** Answers where there is no request to answer, and hangs up. */
function endWith(socket: Socket, refused: Refused): void {
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

function needContainer(caller: Caller): { readonly container: Container; readonly peer: Peer } {
  if (caller.kind === 'container') return caller;
  throw new Refused('not_permitted', 'a process of the host is in no container', 'ask from the container');
}

function needHost(caller: Caller): void {
  if (caller.kind === 'host') return;
  throw new Refused('not_permitted', 'a container may not ask for this', 'ask on the host, as root');
}
