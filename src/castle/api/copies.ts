import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Refusal, Snapshot, SnapshotCopy } from '../../protocol/contract.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Copy } from '../snapshots/off-host/copies.ts';
import type { OffHost } from '../snapshots/off-host/copy-snapshots.ts';

export interface CopiesAsked {
  /** Undefined: snapshots stay on this host. */
  readonly offHost: OffHost | undefined;
  /** @throws RefusalError not_permitted for everybody but the host's root */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** What the host's root orders about copies of snapshots off this host; nothing in here is for containers. */
export function copyRoutes({ offHost, needHost }: CopiesAsked): FastifyPluginCallbackTypebox {
  const refusals = { '4xx': Refusal, '5xx': Refusal };
  const params = Type.Object({ id: Type.String() });
  const place = (): OffHost => {
    if (offHost !== undefined) return offHost;
    throw new RefusalError(
      'bad_request',
      'this castle has no place off its host',
      'start it with --off-host',
    );
  };
  return (app, _options, done) => {
    app.get(
      '/v1/copies',
      {
        schema: {
          summary: 'Copies of snapshots off this host; for the host',
          querystring: Type.Object({ volume: Type.Optional(Type.String()) }),
          response: { 200: Type.Array(SnapshotCopy), ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        return (await place().list(request.query.volume)).map(toCopy);
      },
    );

    app.post(
      '/v1/snapshots/:id/copy',
      {
        schema: {
          summary: 'Copy a snapshot off this host; for the host',
          params,
          response: { 200: SnapshotCopy, ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        return toCopy(await place().copy(request.params.id));
      },
    );

    app.post(
      '/v1/copies/:id/fetch',
      {
        schema: {
          summary: 'Bring a snapshot back to this host; for the host',
          params,
          response: { 201: Snapshot, ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        return reply.status(201).send(await place().fetch(request.params.id));
      },
    );

    app.delete(
      '/v1/copies/:id',
      {
        schema: {
          summary: 'Remove a copy for good; for the host',
          params,
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        await place().remove(request.params.id);
        return reply.status(204).send(null);
      },
    );
    done();
  };
}

const toCopy = ({ snapshot: { id, volume, taken }, format, key, bytes }: Copy): SnapshotCopy => ({
  id,
  volume,
  taken,
  format,
  key,
  bytes,
});
