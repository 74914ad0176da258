import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Lease, LeaseRequest, Refusal } from '../../protocol/contract.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { releaseLease } from '../leases/release-lease.ts';
import { requestLease } from '../leases/request-lease.ts';
import type { Container, Peer } from '../runtimes/runtime.ts';
import type { LeaseRequests } from './log-lease-requests.ts';
import { answerable } from './watch-requester.ts';

/** The container that sent a request about leases, and the checks of its credentials. */
export interface LeaseClient {
  readonly container: Container;
  readonly peer: Peer;
  /** Whether a process that can receive the answer still exists. */
  isAlive(): boolean;
  /** @throws RefusalError not_permitted */
  authorizeRequest(volume: string, target: string): Promise<void>;
  /** @throws RefusalError not_permitted */
  authorizeRelease(leaseId: string): Promise<void>;
}

/** Identifies the sender of a request; each listener has its own implementation. */
export interface LeaseClients {
  /** @throws RefusalError not_permitted when it is no container */
  identify(request: FastifyRequest): Promise<LeaseClient>;
  /** The leases that the sender may see. @throws RefusalError not_permitted */
  visibleLeases(request: FastifyRequest): Promise<readonly Lease[]>;
}

export interface LeaseRoutesDeps {
  readonly leases: LeaseService;
  readonly requests: LeaseRequests;
  readonly clients: LeaseClients;
}

/** Request, release and list leases: the same routes on the unix socket and over TLS. */
export function leaseRoutes({ leases, requests, clients }: LeaseRoutesDeps): FastifyPluginCallbackTypebox {
  const refusals = { '4xx': Refusal, '5xx': Refusal };
  return (app, _options, done) => {
    app.post(
      '/v1/leases',
      {
        schema: {
          summary: 'Request a lease on a volume, and have it mounted',
          body: LeaseRequest,
          response: { 200: Lease, 201: Lease, ...refusals },
        },
      },
      async (request, reply) => {
        const client = await clients.identify(request);
        const { container, peer } = client;
        const { volume, target, waitSeconds = 0 } = request.body;
        requests.from(request, container, request.body);
        await client.authorizeRequest(volume, target);
        const answer = await answerable(request.raw.socket, client, (requester) =>
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
          summary: 'Release a lease, and have its volume unmounted',
          params: Type.Object({ id: Type.String() }),
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        const client = await clients.identify(request);
        requests.from(request, client.container);
        await client.authorizeRelease(request.params.id);
        await releaseLease(leases, client.container, request.params.id);
        return reply.status(204).send(null);
      },
    );

    app.get(
      '/v1/leases',
      {
        schema: {
          summary: 'List all leases; for a container, only its own leases',
          response: { 200: Type.Array(Lease), ...refusals },
        },
      },
      async (request) => [...(await clients.visibleLeases(request))],
    );
    done();
  };
}
