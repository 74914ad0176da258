import type { AddressInfo } from 'node:net';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyRequest } from 'fastify';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Metrics } from '../events/metrics.ts';
import type { Claims } from '../identity/token.ts';
import type { Bearer, Tokens } from '../identity/tokens.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { listLeases } from '../leases/list-leases.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { headersWithinMs } from './http-limits.ts';
import { end, refuseExpectations, refusing, settings } from './http-server.ts';
import { type LeaseClients, leaseRoutes } from './lease-routes.ts';
import { type Address, formatAddress } from './listen-address.ts';
import { listenOn } from './listen-on.ts';
import { LeaseRequests } from './log-lease-requests.ts';
import { peerOf } from './peer-addresses.ts';
import { TlsConnections } from './tls-connections.ts';
import type { TlsIdentity } from './tls-files.ts';

export interface TlsListenerDeps {
  readonly tokens: Tokens;
  readonly leases: LeaseService;
  readonly metrics: Metrics;
  readonly emit: EmitEvent;
}

/** The interface for containers that cannot reach the castle's unix socket. */
export interface TlsListener {
  /** HOST:PORT, with the actual port. */
  readonly address: string;
  /** Waits, for a limited time, until requests in progress are answered, and closes all connections. */
  stop(): Promise<void>;
}

/** A client must complete the handshake within this time, in milliseconds. */
const handshakeWithinMs = 5_000;

/**
 * Listens with TLS for containers that have a token. It is a separate server with only the lease routes, so that no mistake
 * elsewhere exposes the routes for the host. The token names the container; it is checked before the body of a request is
 * read.
 * @throws Failure cannotCreate, noPermission when the castle cannot listen on the address
 */
export async function serveTls(
  listen: Address,
  { cert, key, ca }: TlsIdentity,
  { tokens, leases, metrics, emit }: TlsListenerDeps,
): Promise<TlsListener> {
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
  }).withTypeProvider<TypeBoxTypeProvider>();

  const connections = new TlsConnections(app.server);
  refuseExpectations(app.server);
  app.server.on('tlsClientError', (error, socket) => {
    emit(`TLS handshake with ${peerOf(socket.remoteAddress)} failed: ${errorMessage(error)}`, {
      event: 'tls.handshake-failed',
    });
    // Node only reports the error and keeps the connection open. end() would wait for the end of the handshake.
    socket.destroy();
  });

  const claimed = new WeakMap<FastifyRequest, Claims>();
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw hostOnly(request);
    claimed.set(request, tokens.read(request.headers.authorization));
  });
  async function bearerOf(request: FastifyRequest): Promise<Bearer> {
    const claims = claimed.get(request);
    if (claims === undefined) throw hostOnly(request);
    return tokens.bearer(claims);
  }

  app.setErrorHandler(refusing(requests, emit));
  app.setNotFoundHandler((request) => {
    throw hostOnly(request);
  });

  const clients: LeaseClients = {
    async identify(request) {
      const bearer = await bearerOf(request);
      const { socket } = request.raw;
      return {
        container: bearer.container,
        peer: bearer.peer,
        isAlive: () => !socket.destroyed,
        authorizeRequest: (volume, target) => tokens.use(bearer, volume, target),
        authorizeRelease: (leaseId) => tokens.spend(bearer, leaseId),
      };
    },
    async visibleLeases(request) {
      const { claims, container } = await bearerOf(request);
      return listLeases(leases.store, container).filter(({ volume }) => volume === claims.volume);
    },
  };
  await app.register(leaseRoutes({ leases, requests, clients }));

  await app.ready();
  await listenOn(
    app.server,
    listen,
    `the castle cannot listen on ${formatAddress(listen)}`,
    'choose another address for --listen',
  );
  const { port: bound } = app.server.address() as AddressInfo;
  return {
    address: formatAddress({ ...listen, port: bound }),
    async stop() {
      await end(app, () => connections.stop());
      requests.close();
    },
  };
}

/** Refuses every other route. It does not disclose whether the route exists. */
function hostOnly({ method, url }: FastifyRequest): RefusalError {
  return new RefusalError(
    'not_permitted',
    `${method} ${url.slice(0, 100)} is not available to containers`,
    "use the castle's unix socket, as root of the host",
  );
}
