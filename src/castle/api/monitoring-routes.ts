import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { EventStream } from '../events/event-stream.ts';
import type { Metrics } from '../events/metrics.ts';
import { RefusalError } from '../refusals/refusal.ts';

export interface ObservationDeps {
  readonly metrics: Metrics;
  readonly events: EventStream;
  /** Returns when the castle is healthy. @throws RefusalError backend_failed */
  readonly checkHealth: () => void;
  /** @throws RefusalError not_permitted unless the sender is root of the host */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/**
 * The routes for monitoring. `/metrics` and `/v1/events` are only for root of the host, because they are about all containers.
 * `/healthz` is for every client, because it discloses nothing about containers.
 */
export function addObservation(
  app: FastifyInstance,
  { metrics, events, checkHealth, needHost }: ObservationDeps,
): void {
  app.get('/healthz', { schema: { summary: 'Report whether the castle is healthy' } }, async () => {
    checkHealth();
    return { status: 'ok' };
  });

  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Metrics in the Prometheus text format (only for root of the host)',
        produces: ['text/plain'],
      },
    },
    async (request, reply) => {
      await needHost(request);
      return reply.type(metrics.contentType).send(await metrics.text());
    },
  );

  app.get(
    '/v1/events',
    {
      schema: { summary: 'Stream events from now on, one JSON object per line (only for root of the host)' },
    },
    async (request, reply) => {
      await needHost(request);
      if (events.isFull)
        throw new RefusalError('busy', 'too many clients read the events', 'end one of them first');
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      // Send the headers now: from here on, the client receives every event.
      reply.raw.flushHeaders();
      events.add(reply.raw);
    },
  );
}
