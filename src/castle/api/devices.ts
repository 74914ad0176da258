import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Devices, Refusal } from '../../protocol/contract.ts';

export interface DevicesAsked {
  /** @throws RefusalError bad_request where volumes are no devices */
  readonly devices: () => Promise<Devices>;
  /** @throws RefusalError not_permitted for everybody but the host's root */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** What this host has of volumes that are devices. */
export function deviceRoutes({ devices, needHost }: DevicesAsked): FastifyPluginCallbackTypebox {
  return (app, _options, done) => {
    app.get(
      '/v1/devices',
      {
        schema: {
          summary: 'Devices of this host that have volumes; for the host',
          response: { 200: Devices, '4xx': Refusal, '5xx': Refusal },
        },
      },
      async (request) => {
        await needHost(request);
        return devices();
      },
    );
    done();
  };
}
