import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { EventStream } from '../events/event-stream.ts';
import type { Metrics } from '../events/metrics.ts';
import { RefusalError } from '../refusals/refusal.ts';

export interface Observed {
  readonly metrics: Metrics;
  readonly followers: EventStream;
  /** Returns when the castle is well. @throws RefusalError backend_failed */
  readonly checkHealth: () => void;
  /** @throws RefusalError not_permitted for everybody but the host's root */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/**
 * What watchers of the castle ask: `/metrics` and `/v1/events` only for the host's root, since they tell of all
 * containers; `/healthz` for everybody, since it tells of none.
 */
export function addObservation(
  app: FastifyInstance,
  { metrics, followers, checkHealth, needHost }: Observed,
): void {
  app.get('/healthz', { schema: { summary: 'Whether the castle works' } }, async () => {
    checkHealth();
    return { status: 'ok' };
  });

  app.get(
    '/metrics',
    { schema: { summary: "Prometheus' text format; for the host", produces: ['text/plain'] } },
    async (request, reply) => {
      await needHost(request);
      return reply.type(metrics.contentType).send(await metrics.text());
    },
  );

  app.get(
    '/v1/events',
    { schema: { summary: 'What happens from now on, a JSON object a line; for the host' } },
    async (request, reply) => {
      await needHost(request);
      if (followers.full)
        throw new RefusalError('busy', 'too many follow the events', 'end one of them first');
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      // So that who asks knows that it misses nothing from here on.
      reply.raw.flushHeaders();
      followers.add(reply.raw);
    },
  );
}
