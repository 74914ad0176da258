import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { Refusal, RestoreRequest, Snapshot, SnapshotRequest } from '../../protocol/contract.ts';
import { checkVolumeName } from '../refusals/check-volume-name.ts';
import { noPlan, tookNone } from '../snapshots/refusals.ts';
import type { SnapshotScheduler } from '../snapshots/snapshot-scheduler.ts';
import { completeSnapshotId } from './snapshot-id.ts';
import type { AdministrationRoutesDeps } from './volume-routes.ts';

export interface SnapshotRoutesDeps extends AdministrationRoutesDeps {
  /** Undefined: snapshots are taken only on request. */
  readonly scheduler: SnapshotScheduler | undefined;
}

/** How long a response waits for the snapshot to complete, in milliseconds. After that, it reports an incomplete snapshot. */
const completeWithinMs = 10_000;

/** The owner of a restored volume if the snapshot does not contain an owner. */
const owner = { uid: 0, gid: 0 };

/** The routes for snapshots: take, list, delete, restore and prune. Only for root of the host. */
export function snapshotRoutes({
  snapshots,
  scheduler,
  administration,
  needHost,
}: SnapshotRoutesDeps): FastifyPluginCallbackTypebox {
  const refusals = { '4xx': Refusal, '5xx': Refusal };
  const params = Type.Object({ id: Type.String() });
  const completeId = (id: string) => completeSnapshotId(id, () => snapshots.list().map((one) => one.id));
  return (app, _options, done) => {
    app.get(
      '/v1/snapshots',
      {
        schema: {
          summary: 'List all snapshots, or those of one volume (only for root of the host)',
          querystring: Type.Object({ volume: Type.Optional(Type.String()) }),
          response: { 200: Type.Array(Snapshot), ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        return [...snapshots.list(request.query.volume)];
      },
    );

    app.post(
      '/v1/snapshots',
      {
        schema: {
          summary: 'Take a snapshot of a volume; 202 when it is not complete yet (only for root of the host)',
          body: SnapshotRequest,
          response: { 201: Snapshot, 202: Snapshot, ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        const { volume, note } = request.body;
        const { id } = await snapshots.take(volume, {
          origin: 'manual',
          ...(note === undefined ? {} : { note }),
        });
        const now = await snapshots.settled(id, completeWithinMs);
        if (now === undefined) throw tookNone(volume);
        return reply.status(now.state === 'ready' ? 201 : 202).send(now);
      },
    );

    app.delete(
      '/v1/snapshots/:id',
      {
        schema: {
          summary: 'Delete a snapshot permanently (only for root of the host)',
          params,
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        await snapshots.delete(await completeId(request.params.id));
        return reply.status(204).send(null);
      },
    );

    app.post(
      '/v1/snapshots/:id/restore',
      {
        schema: {
          summary: 'Create a new volume from a snapshot (only for root of the host)',
          params,
          body: RestoreRequest,
          response: { 201: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        const { name, sizeBytes } = request.body;
        checkVolumeName(name);
        await administration.create(name, {
          owner,
          shared: false,
          snapshot: await completeId(request.params.id),
          ...(sizeBytes === undefined ? {} : { sizeBytes }),
        });
        return reply.status(201).send(null);
      },
    );

    app.post(
      '/v1/snapshots/prune',
      {
        schema: {
          summary:
            'Delete the scheduled snapshots that the retention does not keep (only for root of the host)',
          body: Type.Object({ dryRun: Type.Boolean() }, { additionalProperties: false }),
          response: { 200: Type.Array(Snapshot), ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        if (scheduler === undefined) throw noPlan();
        return [...(request.body.dryRun ? scheduler.expired() : await scheduler.prune())];
      },
    );
    done();
  };
}
