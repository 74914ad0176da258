import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { GarbageResult, GcRequest, Refusal } from '../../protocol/contract.ts';
import type { CleanUp } from '../housekeeping/garbage-collection.ts';

export interface CleanedUpBy {
  readonly cleanUp: CleanUp;
  /** @throws RefusalError not_permitted for everybody but the host's root */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** What the host's root orders about what belongs to nobody. */
export function garbageRoutes({ cleanUp, needHost }: CleanedUpBy): FastifyPluginCallbackTypebox {
  return (app, _options, done) => {
    app.post(
      '/v1/gc',
      {
        schema: {
          summary: 'Remove what belongs to nobody; for the host',
          body: GcRequest,
          response: { 200: Type.Array(GarbageResult), '4xx': Refusal, '5xx': Refusal },
        },
      },
      async (request) => {
        await needHost(request);
        return [...(await cleanUp.run(request.body.dryRun ? 'look' : 'person'))];
      },
    );
    done();
  };
}
