import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { DeletedVolume, Refusal, Unlocked, VolumeRequest } from '../../protocol/contract.ts';
import type { TrashRecord } from '../store/store.ts';
import type { VolumeAdministration } from '../volumes/volume-administration.ts';

export interface Administrated {
  readonly administration: VolumeAdministration;
  /** @throws RefusalError not_permitted for everybody but the host's root */
  readonly needHost: (request: FastifyRequest) => Promise<void>;
}

/** What the host's root orders about volumes. */
export function administrationRoutes({
  administration,
  needHost,
}: Administrated): FastifyPluginCallbackTypebox {
  const refusals = { '4xx': Refusal, '5xx': Refusal };
  const params = Type.Object({ name: Type.String() });
  return (app, _options, done) => {
    app.post(
      '/v1/volumes',
      {
        schema: {
          summary: 'Make a volume; for the host',
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
          ...(snapshot === undefined ? {} : { snapshot }),
        });
        return reply.status(isNew ? 201 : 200).send(null);
      },
    );

    app.get(
      '/v1/volumes/deleted',
      {
        schema: {
          summary: 'Deleted volumes that are kept; for the host',
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
          summary: 'Delete a volume, and keep it for a time; for the host',
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
          summary: 'Bring the last deleted volume of that name back; for the host',
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
          summary: "Take away another host's claim on a volume, for one that is gone for good; for the host",
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
