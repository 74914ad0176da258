import type { LeaseRequest } from '../../protocol/contract.ts';
import type { Backend } from '../backends/backend.ts';
import type { VolumeMount } from '../mounting/mount-namespaces.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';
import type { LeaseRecord, VolumeRecord } from '../store/store.ts';

/** Another container has the volume by a lease; to one that wants it, too. */
export function inUse(lease: LeaseRecord): RefusalError {
  return lease.shared === true
    ? held(
        lease,
        'stop that container first, or start this one with --label castle.shared=true: then both may write',
      )
    : held(lease);
}

/** A container has the volume by a lease; to who orders something for which nobody may have it. */
export function held(
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

/** Whether a volume is shared is decided when it is made. */
export function isNotShared(volume: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${volume} is there already, and not shared`,
    'make another one: whoever has this one relies on writing alone',
  );
}

/** The volume is mounted where no lease says so: in a left-over namespace, or in one of the host's. */
export function mountedElsewhere(volume: string, { pid, mount }: VolumeMount, onHost: boolean): RefusalError {
  const place = `mounted on ${mount.point}`;
  return onHost
    ? new RefusalError(
        'volume_in_use',
        `volume ${volume} is ${place} of the host, outside the folder of the volumes`,
        `end what uses it there, then umount ${mount.point}`,
        { holder: 'the host' },
      )
    : new RefusalError(
        'volume_in_use',
        `volume ${volume} is ${place} in the mount namespace of process ${pid}`,
        'end that process first',
        { holder: `process ${pid}` },
      );
}

/** The asking container has the volume somewhere else than where it wants it. */
export function mountedOnOther(volume: string, point: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `volume ${volume} is mounted on ${point} in this container already`,
    'ask for that mount point, or give the volume back first',
  );
}

/** The volume's mount is there, but the mount point leads to something else. */
export function hidden(volume: string, point: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} is still mounted on ${point} in this container, out of the castle's reach: it was moved, hidden by another mount, or taken into a namespace of its own`,
    'take that away in the container, or end the container',
  );
}

/** One mount point can show one volume only. */
export function takenTarget(target: string, volume?: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${target} has ${volume === undefined ? 'another volume' : `volume ${volume}`} already`,
    'ask for another mount point, or give that volume back first',
  );
}

/** Where the mount is can't be told, so nothing may be done about it. */
export function unreadableMounts(container: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the mounts of container ${container} cannot be read`,
    'the castle needs CAP_SYS_PTRACE over it: run it as root on the host',
  );
}

/** castle-mount has not come back from the container. */
export function mountHung(volume: string, target: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} waits for castle-mount, which hangs in the container on ${target}`,
    'see to the file system under that mount point, or end the container',
  );
}

export function sharedTarget(target: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${target} lies on a mount that the container shares with the host: the volume would appear there too`,
    'start the container without shared propagation (rshared, Bidirectional) for that folder',
  );
}

export function targetInBackend(target: string): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${target} lies in the castle's own folder of volumes`,
    'give a folder of the container, such as /var/jenkins_home',
  );
}

export function badTarget(target: LeaseRequest['target']): RefusalError {
  return new RefusalError(
    'bad_target',
    `mount point ${JSON.stringify(target)} is not an absolute path in its shortest form`,
    'give an existing folder such as /var/jenkins_home',
  );
}

export function notPermitted(container: Pick<Container, 'name' | 'volumes'>, volume: string): RefusalError {
  const has =
    container.volumes === 'any' || container.volumes.length === 0
      ? 'has no label castle.volume'
      : `may have only ${container.volumes.join(', ')}`;
  return new RefusalError(
    'not_permitted',
    `container ${container.name} may not have volume ${volume}: it ${has}`,
    `start it with --label castle.volume=${volume}`,
  );
}

export function lostVolume(volume: string, backend: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} is known, but not in the ${backend}`,
    'bring it back from a backup; the castle does not make an empty one in its place',
  );
}

export function otherBackend(volume: VolumeRecord, backend: Backend): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume.name} lives in the backend ${volume.backend}, and this castle serves the ${backend.description}`,
    `start the castle with the --backend that it was created with, or choose another name`,
  );
}

/** Under the name of a volume lies another one. */
export function exchangedVolume(volume: string, known: string, found: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} has the id ${known}, but ${found} lies in its place`,
    'bring the right one back; both were left as they are',
  );
}

export function containerEnded(container: string): RefusalError {
  return new RefusalError('not_permitted', `container ${container} has ended`, 'start it again');
}

export function noSuchVolume(name: string): RefusalError {
  return new RefusalError('not_found', `there is no volume ${name}`, 'see castle volumes');
}

export function readonlyCannotGrow({ volume, containerName }: LeaseRecord): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} cannot grow while container ${containerName} has it read-only`,
    'end that container first',
  );
}

export function noSuchLease(id: string): RefusalError {
  return new RefusalError(
    'not_found',
    `this container has no lease ${id}`,
    'ask for one with POST /v1/leases',
  );
}
