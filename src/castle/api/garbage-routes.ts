import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { GarbageResult, GcRequest, Refusal } from '../../protocol/contract.ts';
import type { GarbageCollection } from '../housekeeping/garbage-collection.ts';

export interface GarbageRoutesDeps {
  readonly garbage: GarbageCollection;
  /** @throws RefusalError not_permitted unless the sender is root of the host */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** Garbage collection on request. */
export function garbageRoutes({ garbage, needHost }: GarbageRoutesDeps): FastifyPluginCallbackTypebox {
  return (app, _options, done) => {
    app.post(
      '/v1/gc',
      {
        schema: {
          summary:
            'Collect garbage: remove unused objects that the castle created (only for root of the host)',
          body: GcRequest,
          response: { 200: Type.Array(GarbageResult), '4xx': Refusal, '5xx': Refusal },
        },
      },
      async (request) => {
        await needHost(request);
        return [...(await garbage.run(request.body.dryRun ? 'dry-run' : 'requested'))];
      },
    );
    done();
  };
}
