import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { Refusal, RestoreRequest, Snapshot, SnapshotRequest } from '../../protocol/contract.ts';
import { checkVolumeName } from '../leases/check-request.ts';
import { noPlan, tookNone } from '../snapshots/refusals.ts';
import type { Backups } from '../snapshots/snapshot-manager.ts';
import type { Scheduler } from '../snapshots/snapshot-scheduler.ts';
import type { Administrated } from './administration.ts';

export interface SnapshotsAsked extends Administrated {
  readonly backups: Backups;
  /** Undefined: snapshots are taken on request only. */
  readonly scheduler: Scheduler | undefined;
}

/** How long an answer waits for a snapshot to be whole, in milliseconds; later it is told as being taken. */
const wholeWithinMs = 10_000;

/** Who owns a restored volume is what the snapshot says; this one is for a backend that can't tell. */
const owner = { uid: 0, gid: 0 };

/** What the host's root orders about snapshots; nothing in here is for containers. */
export function snapshotRoutes({
  backups,
  scheduler,
  administration,
  needHost,
}: SnapshotsAsked): FastifyPluginCallbackTypebox {
  const refusals = { '4xx': Refusal, '5xx': Refusal };
  const params = Type.Object({ id: Type.String() });
  return (app, _options, done) => {
    app.get(
      '/v1/snapshots',
      {
        schema: {
          summary: 'All snapshots, or those of one volume; for the host',
          querystring: Type.Object({ volume: Type.Optional(Type.String()) }),
          response: { 200: Type.Array(Snapshot), ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        return [...backups.list(request.query.volume)];
      },
    );

    app.post(
      '/v1/snapshots',
      {
        schema: {
          summary: 'Take a snapshot of a volume; 202 while it is not whole; for the host',
          body: SnapshotRequest,
          response: { 201: Snapshot, 202: Snapshot, ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        const { volume, note } = request.body;
        const { id } = await backups.take(volume, {
          origin: 'asked',
          ...(note === undefined ? {} : { note }),
        });
        const now = await backups.settled(id, wholeWithinMs);
        if (now === undefined) throw tookNone(volume);
        return reply.status(now.state === 'kept' ? 201 : 202).send(now);
      },
    );

    app.delete(
      '/v1/snapshots/:id',
      {
        schema: {
          summary: 'Remove a snapshot for good; for the host',
          params,
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        await backups.remove(request.params.id);
        return reply.status(204).send(null);
      },
    );

    app.post(
      '/v1/snapshots/:id/restore',
      {
        schema: {
          summary: 'Make a new volume from a snapshot; for the host',
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
          snapshot: request.params.id,
          ...(sizeBytes === undefined ? {} : { sizeBytes }),
        });
        return reply.status(201).send(null);
      },
    );

    app.post(
      '/v1/snapshots/prune',
      {
        schema: {
          summary: 'Remove the snapshots by schedule that are not to be kept, now; for the host',
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
