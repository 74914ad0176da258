import type { Backend } from '../backends/backend.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { LeaseRecord, VolumeRecord } from '../store/store.ts';

/** The volume has a lease, and the operation, such as a delete, needs a volume without leases. */
export function leasedVolume(
  { volume, containerName, engine, since }: LeaseRecord,
  remedy = 'stop that container first',
): RefusalError {
  if (engine !== undefined) {
    return new RefusalError(
      'volume_in_use',
      `volume ${volume} is in use by ${containerName} since ${since}`,
      `stop the container that docker ps --filter volume=${volume} shows`,
      { holder: containerName },
    );
  }
  return new RefusalError(
    'volume_in_use',
    `volume ${volume} is in use by container ${containerName} since ${since}`,
    remedy,
    { holder: containerName },
  );
}

/** An existing volume cannot become shared: a container that uses it may rely on being its only writer. */
export function isNotShared(volume: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} already exists and is not shared`,
    'create another volume with --shared: containers that use this one may rely on being its only writer',
  );
}

/** The volume has a mount that belongs to no lease: in a mount namespace that outlived its container, or on the host. */
export function mountedElsewhere(volume: string, { pid, mount }: VolumeMount, onHost: boolean): RefusalError {
  const place = `mounted on ${mount.point}`;
  return onHost
    ? new RefusalError(
        'volume_in_use',
        `volume ${volume} is ${place} on the host, outside the folder of the volumes`,
        `stop the processes that use it there, then run: umount ${mount.point}`,
        { holder: 'the host' },
      )
    : new RefusalError(
        'volume_in_use',
        `volume ${volume} is ${place} in the mount namespace of process ${pid}`,
        `stop process ${pid} first`,
        { holder: `process ${pid}` },
      );
}

export function lostVolume(volume: string, backend: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} is missing from the ${backend}`,
    'put it back, or restore it from a backup; the castle never creates an empty volume in its place',
  );
}

export function otherBackend(volume: VolumeRecord, backend: Backend): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume.name} is in the backend ${volume.backend}, but this castle serves the ${backend.description}`,
    'start the castle with the --backend that the volume was created with, or choose another name',
  );
}

/** The backend has another volume with this name: its id differs from the id in the store. */
export function exchangedVolume(volume: string, known: string, found: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} was replaced: the store has the id ${known}, but the backend has ${found}`,
    'put the original volume back; the castle has not changed either of them',
  );
}

export function noSuchVolume(name: string): RefusalError {
  return new RefusalError(
    'not_found',
    `there is no volume ${name}`,
    'to list the volumes, run: castle volumes',
  );
}
