import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { DeletedVolume, Refusal, Unlocked, VolumeRequest } from '../../protocol/contract.ts';
import type { SnapshotService } from '../snapshots/snapshot-service.ts';
import type { TrashRecord } from '../store/store.ts';
import type { VolumeAdministration } from '../volumes/volume-administration.ts';
import { completeSnapshotId } from './snapshot-id.ts';

export interface AdministrationRoutesDeps {
  readonly snapshots: SnapshotService;
  readonly administration: VolumeAdministration;
  /** @throws RefusalError not_permitted unless the sender is root of the host */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** The routes for volumes: create, list the deleted ones, delete, restore and unlock. Only for root of the host. */
export function administrationRoutes({
  administration,
  snapshots,
  needHost,
}: AdministrationRoutesDeps): FastifyPluginCallbackTypebox {
  const refusals = { '4xx': Refusal, '5xx': Refusal };
  const params = Type.Object({ name: Type.String() });
  const completeId = (id: string) => completeSnapshotId(id, () => snapshots.list().map((one) => one.id));
  return (app, _options, done) => {
    app.post(
      '/v1/volumes',
      {
        schema: {
          summary: 'Create a volume (only for root of the host)',
          body: VolumeRequest,
          response: { 200: Type.Null(), 201: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        const { name, uid, gid, sizeBytes, shared = false, snapshot } = request.body;
        const isNew = await administration.create(name, {
          owner: { uid, gid },
          shared,
          ...(sizeBytes === undefined ? {} : { sizeBytes }),
          ...(snapshot === undefined ? {} : { snapshot: await completeId(snapshot) }),
        });
        return reply.status(isNew ? 201 : 200).send(null);
      },
    );

    app.get(
      '/v1/volumes/deleted',
      {
        schema: {
          summary: 'List the deleted volumes that can be restored (only for root of the host)',
          response: { 200: Type.Array(DeletedVolume), ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        return administration.list().map(toDeletedVolume);
      },
    );

    app.delete(
      '/v1/volumes/:name',
      {
        schema: {
          summary: 'Delete a volume, which can be restored for some time (only for root of the host)',
          params,
          response: { 200: DeletedVolume, ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        return toDeletedVolume(await administration.delete(request.params.name));
      },
    );

    app.post(
      '/v1/volumes/:name/restore',
      {
        schema: {
          summary: 'Restore the most recently deleted volume of that name (only for root of the host)',
          params,
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        await needHost(request);
        await administration.restore(request.params.name);
        return reply.status(204).send(null);
      },
    );

    app.post(
      '/v1/volumes/:name/unlock',
      {
        schema: {
          summary: "Discard a dead host's claim on a volume (only for root of the host)",
          params,
          response: { 200: Unlocked, ...refusals },
        },
      },
      async (request) => {
        await needHost(request);
        const host = await administration.unlock(request.params.name);
        return host === undefined ? {} : { host };
      },
    );
    done();
  };
}

const toDeletedVolume = ({ volume, backend, created, deleted, id }: TrashRecord): DeletedVolume => ({
  name: volume,
  backend,
  created,
  deleted,
  id,
});
