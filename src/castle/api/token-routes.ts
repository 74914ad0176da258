import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Refusal, Token, TokenRequest } from '../../protocol/contract.ts';
import type { Tokens } from '../identity/tokens.ts';
import { RefusalError } from '../refusals/refusal.ts';

/**
 * The route that creates tokens for containers that use TLS. Only for root of the host.
 * @param tokens undefined: the castle does not listen with TLS
 * @param needHost throws RefusalError not_permitted unless the sender is root of the host
 */
export function tokenRoutes(
  tokens: Tokens | undefined,
  needHost: (request: FastifyRequest) => Promise<void>,
): FastifyPluginCallbackTypebox {
  return (app, _options, done) => {
    app.post(
      '/v1/tokens',
      {
        schema: {
          summary: 'Create a token for a container that uses TLS (only for root of the host)',
          body: TokenRequest,
          response: { 201: Token, '4xx': Refusal, '5xx': Refusal },
        },
      },
      async (request, reply) => {
        await needHost(request);
        if (tokens === undefined) {
          throw new RefusalError(
            'bad_request',
            'this castle does not listen with TLS',
            'start it with --listen, --tls-cert and --tls-key',
          );
        }
        return reply
          .status(201)
          .header('cache-control', 'no-store')
          .send(await tokens.make(request.body));
      },
    );
    done();
  };
}
