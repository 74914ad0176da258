import type { LeaseRequest } from '../../protocol/contract.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';
import type { LeaseRecord } from '../store/store.ts';
import { leasedVolume } from '../volumes/refusals.ts';

/** Another container has a lease that conflicts with the request. */
export function conflictingLease(lease: LeaseRecord): RefusalError {
  return lease.shared === true
    ? leasedVolume(
        lease,
        'stop that container first, or start this one with --label castle.shared=true so that both can write',
      )
    : leasedVolume(lease);
}

/** The requesting container already has the volume mounted, on another mount point. */
export function mountedOnOther(volume: string, point: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `volume ${volume} is already mounted on ${point} in this container`,
    'request that mount point, or release the lease first',
  );
}

/** The container has the volume mounted elsewhere than on the lease's mount point, so castle-mount cannot unmount it. */
export function cannotUnmount(volume: string, point: string): RefusalError {
  return new RefusalError(
    'busy',
    `the castle cannot unmount volume ${volume} from ${point} in this container: the mount was moved, is hidden by another mount, or was copied into another mount namespace`,
    'stop the container, or unmount the volume there in the container',
  );
}

/** Another volume is mounted on the mount point, and a second mount would hide it. */
export function mountPointInUse(target: string, volume?: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `${volume === undefined ? 'another volume' : `volume ${volume}`} is already mounted on ${target}`,
    'request another mount point, or release the lease of that volume first',
  );
}

/** The container's mount table cannot be read. Whether the volume is mounted is unknown, so nothing may change. */
export function unreadableMounts(container: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the mounts of container ${container} cannot be read`,
    'the castle needs CAP_SYS_PTRACE over the container: run it as root on the host',
  );
}

/** castle-mount hangs in uninterruptible sleep. Until it ends, it is unknown whether the volume is mounted. */
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
    `mount point ${target} is on a mount that the container shares with the host, so the host would get the mount too`,
    'start the container without shared mount propagation (rshared, Bidirectional) for that folder',
  );
}

export function targetInBackend(target: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${target} is in the folder in which the castle keeps its volumes`,
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

export function containerEnded(container: string): RefusalError {
  return new RefusalError('not_permitted', `container ${container} has ended`, 'start the container again');
}

export function readonlyCannotGrow({ volume, containerName }: LeaseRecord): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} cannot grow while it is mounted only read-only, in container ${containerName}`,
    'stop that container first',
  );
}

export function endedWhileGrowing({ volume, containerName }: LeaseRecord): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} has not grown: container ${containerName}, which had it mounted, has just ended`,
    'send the request again',
  );
}

export function noSuchLease(id: string): RefusalError {
  return new RefusalError(
    'not_found',
    `this container has no lease ${id}`,
    'request a lease with POST /v1/leases',
  );
}
