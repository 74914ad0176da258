import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Refusal, Snapshot, SnapshotCopy } from '../../protocol/contract.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Copy } from '../snapshots/off-host/copies.ts';
import type { OffHostCopies } from '../snapshots/off-host/copy-snapshots.ts';
import type { SnapshotService } from '../snapshots/snapshot-service.ts';
import { completeSnapshotId } from './snapshot-id.ts';

export interface CopyRoutesDeps {
  readonly snapshots: SnapshotService;
  /** Undefined: snapshots are not copied. */
  readonly offHost: OffHostCopies | undefined;
  /** @throws RefusalError not_permitted unless the sender is root of the host */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** The routes for off-host copies of snapshots: create, list, fetch and delete. Only for root of the host. */
export function copyRoutes({ snapshots, offHost, needHost }: CopyRoutesDeps): FastifyPluginCallbackTypebox {
  const refusals = { '4xx': Refusal, '5xx': Refusal };
  const params = Type.Object({ id: Type.String() });
  const place = (): OffHostCopies => {
    if (offHost !== undefined) return offHost;
    throw new RefusalError(
      'bad_request',
      'this castle has no object store for off-host copies',
      'start it with --off-host',
    );
  };
  const snapshotIds = () => snapshots.list().map(({ id }) => id);
  const copyIds = async () => (await place().list()).map(({ snapshot }) => snapshot.id);
  return (app, _options, done) => {
    app.get(
      '/v1/copies',
      {
        schema: {
          summary: 'List the off-host copies of snapshots (only for root of the host)',
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
          summary: 'Copy a snapshot off this host (only for root of the host)',
          params,
          response: { 200: SnapshotCopy, ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        return toCopy(await place().copy(await completeSnapshotId(request.params.id, snapshotIds)));
      },
    );

    app.post(
      '/v1/copies/:id/fetch',
      {
        schema: {
          summary: 'Fetch the copy of a snapshot back to this host (only for root of the host)',
          params,
          response: { 201: Snapshot, ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        return reply
          .status(201)
          .send(await place().fetch(await completeSnapshotId(request.params.id, copyIds)));
      },
    );

    app.delete(
      '/v1/copies/:id',
      {
        schema: {
          summary: 'Delete a copy permanently (only for root of the host)',
          params,
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        await place().remove(await completeSnapshotId(request.params.id, copyIds));
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
