import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Devices, Refusal } from '../../protocol/contract.ts';

export interface DeviceRoutesDeps {
  /** @throws RefusalError bad_request where volumes are not block devices */
  readonly devices: () => Promise<Devices>;
  /** @throws RefusalError not_permitted unless the sender is root of the host */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** The block devices of this host that hold volumes. */
export function deviceRoutes({ devices, needHost }: DeviceRoutesDeps): FastifyPluginCallbackTypebox {
  return (app, _options, done) => {
    app.get(
      '/v1/devices',
      {
        schema: {
          summary: 'List the block devices of this host that hold volumes (only for root of the host)',
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
