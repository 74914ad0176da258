import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import swagger from '@fastify/swagger';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, { type FastifyError, type FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Native } from '../../container/native.ts';
import { Lease, LeaseRequest, Refusal, Status, Volume } from '../../contract.ts';
import { errorMessage } from '../../failure.ts';
import { version } from '../../version.ts';
import { volumeNameFault } from '../../volume-name.ts';
import { type Caller, type Connection, callerOf, holdPeer } from '../identity/caller.ts';
import type { Ledger } from '../leases/ledger.ts';
import { badVolumeName, Refused } from '../refused.ts';
import type { Container, Peer, Runtime } from '../runtime/runtime.ts';

/** What the API answers with. */
export interface ApiMeans {
  readonly native: Native;
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  readonly status: () => Status;
  readonly say: (line: string) => void;
}

/** A request has at most this many bytes; the largest right one has a path of 4096. */
const bodyLimitBytes = 16 * 1024;
/** A peer that sends its request more slowly than this is cut off, in milliseconds. */
const requestWithinMs = 10_000;

/** Builds the castle's HTTP interface; the caller lets it listen on a unix socket. */
export async function buildServer({ native, runtime, ledger, status, say }: ApiMeans) {
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestWithinMs,
    keepAliveTimeout: requestWithinMs,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
  })
    .setValidatorCompiler(TypeBoxValidatorCompiler)
    .withTypeProvider<TypeBoxTypeProvider>();

  const connections = new WeakMap<object, Connection>();
  app.server.on('connection', (socket: Socket) => {
    const held = hold(native, socket);
    if (held === undefined) {
      socket.destroy();
      return;
    }
    connections.set(socket, held);
    socket.once('close', () => held.close());
  });

  async function caller(request: FastifyRequest): Promise<Caller> {
    const connection = connections.get(request.raw.socket);
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
    const refused = volumeNameRefusal(error, request.body) ?? asRefused(error, say);
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
      const { lease, isNew } = await ledger.request(container, peer, request.body);
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

  app.get(
    '/v1/status',
    { schema: { summary: 'The castle itself; for the host', response: { 200: Status, ...refusals } } },
    async (request) => {
      needHost(await caller(request));
      return status();
    },
  );

  app.get('/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());

  await app.ready();
  return app;
}

/** The descriptor of an accepted socket; Node keeps it in the handle that it doesn't document. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}

/** The peer of a new connection, or undefined when it has ended already: then nobody is there to be answered. */
function hold(native: Native, socket: Socket): Connection | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  try {
    return holdPeer(native, fd, closeSync);
  } catch {
    return undefined;
  }
}

function needContainer(caller: Caller): { readonly container: Container; readonly peer: Peer } {
  if (caller.kind === 'container') return caller;
  throw new Refused('not_permitted', 'a process of the host is in no container', 'ask from the container');
}

function needHost(caller: Caller): void {
  if (caller.kind === 'host') return;
  throw new Refused('not_permitted', 'a container may not ask for this', 'ask on the host, as root');
}

/** A wrong volume name gets the sentence that says what is wrong with it, not the one that quotes the pattern. */
function volumeNameRefusal(error: FastifyError | Refused, body: unknown): Refused | undefined {
  if (error instanceof Refused || error.validation === undefined) return undefined;
  const volume = typeof body === 'object' && body !== null && 'volume' in body ? body.volume : undefined;
  const fault = typeof volume === 'string' ? volumeNameFault(volume) : undefined;
  return fault === undefined ? undefined : badVolumeName(String(volume), fault);
}

function asRefused(error: FastifyError | Refused, say: (line: string) => void): Refused {
  if (error instanceof Refused) return error;
  const status = error.statusCode ?? 500;
  if (status < 500)
    return new Refused('bad_request', `the request is wrong: ${error.message}`, 'see /v1/openapi.json');
  if (status === 503) return new Refused('stopping', 'the castle is stopping', 'try again when it is back');
  say(`unexpected error: ${errorMessage(error)}`);
  const why = errorMessage(error);
  return new Refused('internal', `the castle failed: ${why}`, 'see the log of the castle');
}
