import type { AddressInfo } from 'node:net';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, { type FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Lease, LeaseRequest, Refusal } from '../../protocol/contract.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { TlsIdentity } from '../daemon/tls-files.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Metrics } from '../events/metrics.ts';
import type { Claims } from '../identity/token.ts';
import type { Bearer, Tokens } from '../identity/tokens.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { listLeases } from '../leases/list-leases.ts';
import { releaseLease } from '../leases/release-lease.ts';
import { requestLease } from '../leases/request-lease.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { parseAddress } from './address.ts';
import { answerable } from './answerable.ts';
import { headersWithinMs } from './bounds.ts';
import { end, refuseExpectations, refusing, settings } from './http-server.ts';
import { listenOn } from './listen-on.ts';
import { peerOf } from './peer-addresses.ts';
import { LeaseRequests } from './requests.ts';
import { TlsConnections } from './tls-connections.ts';

/** What it answers with. */
export interface TlsMeans {
  readonly tokens: Tokens;
  readonly leases: LeaseService;
  readonly metrics: Metrics;
  readonly emit: EmitEvent;
}

/** The castle's interface for containers that have no socket of its. */
export interface TlsListener {
  /** As HOST:PORT, with the port that it is. */
  readonly address: string;
  /** Lets requests under way be answered, within a bound, and closes every connection. */
  stop(): Promise<void>;
}

/** Who doesn't finish the handshake is cut off after this, in milliseconds. */
const handshakeWithinMs = 5_000;

/**
 * Listens over TLS for containers with tokens. It is a server of its own with the routes of leases and no others: what is
 * for the host cannot be reached by it, whatever else goes wrong. Who asks is the token's container; a token is looked at
 * before a request's body is read.
 * @param listen `HOST:PORT`; port 0 takes a free one
 * @throws Failure config when it is no address; cannotCreate, noPermission when it can't be listened on
 */
export async function serveTls(
  listen: string,
  { cert, key, ca }: TlsIdentity,
  { tokens, leases, metrics, emit }: TlsMeans,
): Promise<TlsListener> {
  const { host, port } = parseAddress('--listen', listen);
  const requests = new LeaseRequests(metrics, emit, (request) => peerOf(request.raw.socket.remoteAddress));
  const app = fastify({
    https: {
      cert,
      key,
      ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
      minVersion: 'TLSv1.2',
      handshakeTimeout: handshakeWithinMs,
      headersTimeout: headersWithinMs,
      connectionsCheckingInterval: headersWithinMs,
    },
    ...settings(emit),
  })
    .setValidatorCompiler(TypeBoxValidatorCompiler)
    .withTypeProvider<TypeBoxTypeProvider>();

  const connections = new TlsConnections(app.server);
  refuseExpectations(app.server);
  app.server.on('tlsClientError', (error, socket) => {
    emit(`${peerOf(socket.remoteAddress)} did not come to speak TLS: ${errorMessage(error)}`, {
      event: 'tls.handshake-failed',
    });
    // Node only tells of it, one that says nothing included; what is to be sent would wait for the end of the handshake.
    socket.destroy();
  });

  const claimed = new WeakMap<FastifyRequest, Claims>();
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw forTheHost(request);
    claimed.set(request, tokens.read(request.headers.authorization));
  });
  async function bearerOf(request: FastifyRequest): Promise<Bearer> {
    const claims = claimed.get(request);
    if (claims === undefined) throw forTheHost(request);
    return tokens.bearer(claims);
  }

  app.setErrorHandler(refusing(requests, emit));
  app.setNotFoundHandler((request) => {
    throw forTheHost(request);
  });

  const response = { 200: Lease, 201: Lease, '4xx': Refusal, '5xx': Refusal };

  app.post('/v1/leases', { schema: { body: LeaseRequest, response } }, async (request, reply) => {
    const bearer = await bearerOf(request);
    const { container, peer } = bearer;
    const { volume, target, waitSeconds = 0 } = request.body;
    requests.from(request, container, request.body);
    await tokens.use(bearer, volume, target);
    const { socket } = request.raw;
    const answer = await answerable(socket, { isAlive: () => !socket.destroyed }, (requester) =>
      requestLease(leases, { container, peer, volume, target }, waitSeconds, requester),
    );
    requests.granted(request, reply, answer);
    return reply.status(answer.isNew ? 201 : 200).send(answer.lease);
  });

  app.delete(
    '/v1/leases/:id',
    {
      schema: {
        params: Type.Object({ id: Type.String() }),
        response: { 204: Type.Null(), '4xx': Refusal, '5xx': Refusal },
      },
    },
    async (request, reply) => {
      const bearer = await bearerOf(request);
      requests.from(request, bearer.container);
      await tokens.spend(bearer, request.params.id);
      await releaseLease(leases, bearer.container, request.params.id);
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/v1/leases',
    { schema: { response: { 200: Type.Array(Lease), '4xx': Refusal, '5xx': Refusal } } },
    async (request) => {
      const { claims, container } = await bearerOf(request);
      return listLeases(leases.store, container).filter(({ volume }) => volume === claims.volume);
    },
  );

  await app.ready();
  await listenOn(
    app.server,
    { host, port },
    `the castle cannot listen on ${listen}`,
    'give another --listen',
  );
  const { port: bound } = app.server.address() as AddressInfo;
  return {
    address: `${listen.slice(0, listen.lastIndexOf(':'))}:${bound}`,
    async stop() {
      await end(app, () => connections.stop());
      requests.close();
    },
  };
}

/** Everything but leases; that there is no such thing is nobody's business either. */
function forTheHost({ method, url }: FastifyRequest): RefusalError {
  return new RefusalError(
    'not_permitted',
    `${method} ${url.slice(0, 100)} is not for containers`,
    'ask on the socket of the castle, as root of the host',
  );
}
