import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Native } from '../../linux/native-addon.ts';
import { listen } from '../../linux/unix-socket.ts';
import { type Devices, GrowRequest, Refusal, Status, Volume } from '../../protocol/contract.ts';
import { version } from '../../terminal/version.ts';
import type { EmitEvent } from '../events/event.ts';
import type { EventStream } from '../events/event-stream.ts';
import type { Metrics } from '../events/metrics.ts';
import type { GarbageCollection } from '../housekeeping/garbage-collection.ts';
import { type Caller, callerOf } from '../identity/caller.ts';
import type { Tokens } from '../identity/tokens.ts';
import { growVolume } from '../leases/grow-volume.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { listLeases, listVolumes } from '../leases/list-leases.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container, Peer, Runtime } from '../runtimes/runtime.ts';
import type { OffHostCopies } from '../snapshots/off-host/copy-snapshots.ts';
import type { SnapshotScheduler } from '../snapshots/snapshot-scheduler.ts';
import type { SnapshotService } from '../snapshots/snapshot-service.ts';
import { Connections } from './connections.ts';
import { copyRoutes } from './copy-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import { garbageRoutes } from './garbage-routes.ts';
import { headersWithinMs } from './http-limits.ts';
import { end, refuseExpectations, refusing, settings } from './http-server.ts';
import { type LeaseClients, leaseRoutes } from './lease-routes.ts';
import { LeaseRequests } from './log-lease-requests.ts';
import { addObservation } from './monitoring-routes.ts';
import { snapshotRoutes } from './snapshot-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { administrationRoutes } from './volume-routes.ts';

export interface ApiDeps {
  readonly native: Native;
  readonly runtime: Runtime;
  readonly leases: LeaseService;
  /** Undefined where the castle does not listen with TLS. */
  readonly tokens: Tokens | undefined;
  readonly snapshots: SnapshotService;
  /** Undefined: snapshots are taken only on request. */
  readonly scheduler: SnapshotScheduler | undefined;
  /** Undefined: snapshots are not copied. */
  readonly offHost: OffHostCopies | undefined;
  readonly garbage: GarbageCollection;
  readonly status: () => Status;
  readonly devices: () => Promise<Devices>;
  /** The name of the backend, as in the store. */
  readonly backendName: string;
  /** The sizes that the backend can report, in bytes. */
  readonly volumeSizes: () => ReadonlyMap<string, number>;
  readonly metrics: Metrics;
  readonly events: EventStream;
  readonly checkHealth: () => void;
  readonly emit: EmitEvent;
}

/** The castle's HTTP interface. */
export interface Api {
  /** @throws Failure noPermission, cannotCreate */
  listen(socket: string): Promise<void>;
  /** Removes the socket, waits for requests in progress, for a limited time, and closes every connection. */
  stop(): Promise<void>;
}

/** Builds the HTTP interface. It accepts no connection before `listen` is called. */
export async function buildServer(deps: ApiDeps): Promise<Api> {
  const { native, runtime, leases, metrics, events, emit } = deps;
  const requests = new LeaseRequests(metrics, emit);
  const app = fastify({
    ...settings(emit),
    http: { headersTimeout: headersWithinMs, connectionsCheckingInterval: headersWithinMs },
  }).withTypeProvider<TypeBoxTypeProvider>();

  const connections = new Connections(app.server, native);
  refuseExpectations(app.server);

  async function caller(request: FastifyRequest): Promise<Caller> {
    const connection = connections.of(request.raw.socket);
    if (connection === undefined)
      throw new RefusalError('not_permitted', 'the connection has closed', 'send the request again');
    return callerOf(connection, runtime);
  }

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'castle',
        version,
        description:
          'Storage volumes for containers. The sender of a request is identified by its socket, never by the request.',
      },
    },
  });

  app.setErrorHandler(refusing(requests, emit));
  app.setNotFoundHandler((request, reply) => {
    const refused = new RefusalError(
      'not_found',
      `unknown route: ${request.method} ${request.url}`,
      'see /v1/openapi.json',
    );
    return reply.status(refused.status).send(refused.toJSON());
  });

  const refusals = { '4xx': Refusal, '5xx': Refusal };

  const clients: LeaseClients = {
    async identify(request) {
      const connection = connections.of(request.raw.socket);
      const { container, peer } = needContainer(await caller(request));
      return {
        container,
        peer,
        isAlive: () => connection?.isAlive() === true,
        // The kernel identified the container; its labels are checked when the lease is granted.
        authorizeRequest: async () => undefined,
        authorizeRelease: async () => undefined,
      };
    },
    async visibleLeases(request) {
      const sender = await caller(request);
      return listLeases(leases.store, sender.kind === 'container' ? sender.container : undefined);
    },
  };
  await app.register(leaseRoutes({ leases, requests, clients }));

  app.get(
    '/v1/volumes',
    {
      schema: {
        summary: 'List all volumes (only for root of the host)',
        response: { 200: Type.Array(Volume), ...refusals },
      },
    },
    async (request) => {
      checkHost(await caller(request));
      const sizes = deps.volumeSizes();
      return listVolumes(leases.store).map((volume) => {
        const sizeBytes = volume.backend === deps.backendName ? sizes.get(volume.name) : undefined;
        return sizeBytes === undefined ? volume : { ...volume, sizeBytes };
      });
    },
  );

  app.post(
    '/v1/volumes/:name/size',
    {
      schema: {
        summary: 'Make a volume larger (only for root of the host)',
        params: Type.Object({ name: Type.String() }),
        body: GrowRequest,
        response: { 200: Volume, ...refusals },
      },
    },
    async (request) => {
      checkHost(await caller(request));
      return growVolume(leases, request.params.name, request.body.sizeBytes);
    },
  );

  app.get(
    '/v1/status',
    {
      schema: {
        summary: 'Report the state of the castle (only for root of the host)',
        response: { 200: Status, ...refusals },
      },
    },
    async (request) => {
      checkHost(await caller(request));
      return deps.status();
    },
  );

  const needHost = async (request: FastifyRequest) => checkHost(await caller(request));
  const { administration } = leases;
  const { tokens, snapshots, scheduler, offHost, garbage, devices, checkHealth } = deps;
  await app.register(administrationRoutes({ administration, snapshots, needHost }));
  await app.register(tokenRoutes(tokens, needHost));
  await app.register(deviceRoutes({ devices, needHost }));
  await app.register(snapshotRoutes({ snapshots, scheduler, administration, needHost }));
  await app.register(copyRoutes({ snapshots, offHost, needHost }));
  await app.register(garbageRoutes({ garbage, needHost }));
  await app.register(async (inner) => {
    addObservation(inner, { metrics, events, checkHealth, needHost });
  });

  app.get('/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());

  await app.ready();
  return {
    listen: (socket) => listen(app.server, socket),
    async stop() {
      await end(app, () => {
        connections.stop();
        events.close();
      });
      requests.close();
    },
  };
}

function needContainer(caller: Caller): { readonly container: Container; readonly peer: Peer } {
  if (caller.kind === 'container') return caller;
  throw new RefusalError(
    'not_permitted',
    'a process of the host, which is not in a container, cannot have a lease',
    'send the request from the container',
  );
}

function checkHost(caller: Caller): void {
  if (caller.kind === 'host') return;
  throw new RefusalError('not_permitted', 'containers may not do this', 'do it on the host, as root');
}
