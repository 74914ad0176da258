import swagger from '@fastify/swagger';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, { type FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Native } from '../../linux/native-addon.ts';
import { listen } from '../../linux/unix-socket.ts';
import {
  type Devices,
  GrowRequest,
  Lease,
  LeaseRequest,
  Refusal,
  Status,
  Volume,
} from '../../protocol/contract.ts';
import { version } from '../../terminal/version.ts';
import type { EmitEvent } from '../events/event.ts';
import type { EventStream } from '../events/event-stream.ts';
import type { Metrics } from '../events/metrics.ts';
import type { CleanUp } from '../housekeeping/garbage-collection.ts';
import { type Caller, callerOf } from '../identity/caller.ts';
import type { Tokens } from '../identity/tokens.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { listLeases, listVolumes } from '../leases/list-leases.ts';
import { releaseLease } from '../leases/release-lease.ts';
import { requestLease } from '../leases/request-lease.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container, Peer, Runtime } from '../runtimes/runtime.ts';
import { growVolume } from '../volumes/grow-volume.ts';
import { administrationRoutes } from './administration.ts';
import { answerable } from './answerable.ts';
import { headersWithinMs } from './bounds.ts';
import { garbageRoutes } from './clean-up.ts';
import { Connections } from './connections.ts';
import { type CopiesAsked, copyRoutes } from './copies.ts';
import { deviceRoutes } from './devices.ts';
import { end, refuseExpectations, refusing, settings } from './http-server.ts';
import { addObservation } from './observation.ts';
import { LeaseRequests } from './requests.ts';
import { type SnapshotsAsked, snapshotRoutes } from './snapshots.ts';
import { tokenRoutes } from './tokens.ts';

/** What the API answers with. */
export interface ApiMeans {
  readonly native: Native;
  readonly runtime: Runtime;
  readonly leases: LeaseService;
  /** Where it listens for containers with tokens, too. */
  readonly tokens?: Tokens;
  readonly snapshots: Pick<SnapshotsAsked & CopiesAsked, 'backups' | 'scheduler' | 'offHost'>;
  readonly cleanUp: CleanUp;
  readonly status: () => Status;
  readonly devices: () => Promise<Devices>;
  readonly metrics: Metrics;
  readonly followers: EventStream;
  readonly checkHealth: () => void;
  readonly emit: EmitEvent;
}

/** The castle's HTTP interface. */
export interface Api {
  /** @throws Failure noPermission, cannotCreate */
  listen(socket: string): Promise<void>;
  /** Removes the socket, lets requests under way be answered, within a bound, and closes every connection. */
  stop(): Promise<void>;
}

/** Builds the interface; nobody can reach it before it listens. */
export async function buildServer(means: ApiMeans): Promise<Api> {
  const {
    native,
    runtime,
    leases,
    snapshots,
    cleanUp,
    status,
    devices,
    metrics,
    followers,
    checkHealth,
    emit,
  } = means;
  const requests = new LeaseRequests(metrics, emit);
  const app = fastify({
    ...settings(emit),
    http: { headersTimeout: headersWithinMs, connectionsCheckingInterval: headersWithinMs },
  })
    .setValidatorCompiler(TypeBoxValidatorCompiler)
    .withTypeProvider<TypeBoxTypeProvider>();

  const connections = new Connections(app.server, native);
  refuseExpectations(app.server);

  async function caller(request: FastifyRequest): Promise<Caller> {
    const connection = connections.of(request.raw.socket);
    if (connection === undefined)
      throw new RefusalError('not_permitted', 'nobody is known on this connection', 'ask again');
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

  app.setErrorHandler(refusing(requests, emit));
  app.setNotFoundHandler((request, reply) => {
    const refused = new RefusalError(
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
      const { socket } = request.raw;
      const { volume, target, waitSeconds = 0 } = request.body;
      const answer = await answerable(socket, connections.of(socket), (requester) =>
        requestLease(leases, { container, peer, volume, target }, waitSeconds, requester),
      );
      requests.granted(request, reply, answer);
      return reply.status(answer.isNew ? 201 : 200).send(answer.lease);
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
      await releaseLease(leases, container, request.params.id);
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
      return listLeases(leases.store, asking.kind === 'container' ? asking.container : undefined);
    },
  );

  app.get(
    '/v1/volumes',
    { schema: { summary: 'All volumes; for the host', response: { 200: Type.Array(Volume), ...refusals } } },
    async (request) => {
      needHost(await caller(request));
      return listVolumes(leases.store);
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
      return growVolume(leases, request.params.name, request.body.sizeBytes);
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
  await app.register(administrationRoutes({ administration: leases.administration, needHost: host }));
  await app.register(tokenRoutes(means.tokens, host));
  await app.register(deviceRoutes({ devices, needHost: host }));
  await app.register(snapshotRoutes({ ...snapshots, administration: leases.administration, needHost: host }));
  await app.register(copyRoutes({ ...snapshots, needHost: host }));
  await app.register(garbageRoutes({ cleanUp, needHost: host }));
  await app.register(async (inner) => {
    addObservation(inner, { metrics, followers, checkHealth, needHost: host });
  });

  app.get('/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());

  await app.ready();
  return {
    listen: (socket) => listen(app.server, socket),
    async stop() {
      await end(app, () => {
        connections.stop();
        followers.close();
      });
      requests.close();
    },
  };
}

function needContainer(caller: Caller): { readonly container: Container; readonly peer: Peer } {
  if (caller.kind === 'container') return caller;
  throw new RefusalError(
    'not_permitted',
    'a process of the host is in no container',
    'ask from the container',
  );
}

function needHost(caller: Caller): void {
  if (caller.kind === 'host') return;
  throw new RefusalError('not_permitted', 'a container may not ask for this', 'ask on the host, as root');
}
