import type { LeaseRequest } from '../../protocol/contract.ts';
import type { Backend } from '../backends/backend.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';
import type { LeaseRecord, VolumeRecord } from '../store/store.ts';

/** Refuses a request for a lease: another container has a lease that conflicts with it. */
export function conflictingLease(lease: LeaseRecord): RefusalError {
  return lease.shared === true
    ? leasedVolume(
        lease,
        'stop that container first, or start this one with --label castle.shared=true so that both can write',
      )
    : leasedVolume(lease);
}

/** Refuses an operation that needs a volume without leases, such as a delete. */
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
        `volume ${volume} is ${place} of the host, outside the folder of the volumes`,
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

/** The container that requests the volume has it mounted on another mount point. */
export function mountedOnOther(volume: string, point: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `volume ${volume} is already mounted on ${point} in this container`,
    'request that mount point, or release the lease first',
  );
}

/** The container still has the volume's mount, but not on the mount point of the lease, so castle-mount cannot unmount it. */
export function hidden(volume: string, point: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} is still mounted on ${point} in this container, but the castle cannot unmount it: the mount was moved, is hidden by another mount, or was copied into another mount namespace`,
    'undo that in the container, or stop the container',
  );
}

/** A second mount on a mount point would hide the first volume. */
export function takenTarget(target: string, volume?: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `${volume === undefined ? 'another volume' : `volume ${volume}`} is already mounted on ${target}`,
    'request another mount point, or release the lease of that volume first',
  );
}

/** Without the mount table of the container, it is unknown whether the volume is mounted there: nothing may change. */
export function unreadableMounts(container: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the mounts of container ${container} cannot be read`,
    'the castle needs CAP_SYS_PTRACE over the container: run it as root on the host',
  );
}

/** castle-mount hangs (uninterruptible sleep): whether it has mounted or unmounted the volume is unknown until it ends. */
export function mountHung(volume: string, target: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} is busy: castle-mount hangs in the container on mount point ${target}`,
    'repair the file system that has that mount point, or stop the container',
  );
}

export function sharedTarget(target: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${target} is on a mount that the container shares with the host: the volume would be mounted on the host too`,
    'start the container without shared mount propagation (rshared, Bidirectional) for that folder',
  );
}

export function targetInBackend(target: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${target} is in the castle's own folder of volumes`,
    'request a mount point in a folder of the container, such as /var/jenkins_home',
  );
}

export function badTarget(target: LeaseRequest['target']): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${JSON.stringify(target)} is not an absolute path in its shortest form`,
    'give the path of an existing folder without .., // or a final slash, such as /var/jenkins_home',
  );
}

export function notPermitted(container: Pick<Container, 'name' | 'volumes'>, volume: string): RefusalError {
  const reason =
    container.volumes === 'any' || container.volumes.length === 0
      ? 'it has no label castle.volume'
      : `its label castle.volume allows only ${container.volumes.join(', ')}`;
  return new RefusalError(
    'not_permitted',
    `container ${container.name} may not use volume ${volume}: ${reason}`,
    `start the container with --label castle.volume=${volume}`,
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

/** The backend has another volume under this name: it has another id than the store. */
export function exchangedVolume(volume: string, known: string, found: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} was replaced: the store has the id ${known}, but the backend has ${found}`,
    'put the original volume back; the castle has not changed either of them',
  );
}

export function containerEnded(container: string): RefusalError {
  return new RefusalError('not_permitted', `container ${container} has ended`, 'start the container again');
}

export function noSuchVolume(name: string): RefusalError {
  return new RefusalError(
    'not_found',
    `there is no volume ${name}`,
    'to list the volumes, run: castle volumes',
  );
}

export function readonlyCannotGrow({ volume, containerName }: LeaseRecord): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} cannot grow while it is mounted only read-only, in container ${containerName}`,
    'stop that container first',
  );
}

export function noSuchLease(id: string): RefusalError {
  return new RefusalError(
    'not_found',
    `this container has no lease ${id}`,
    'request a lease with POST /v1/leases',
  );
}
